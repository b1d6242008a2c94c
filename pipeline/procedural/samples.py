"""Where a picture is shaded: once a pixel that sees one material, four times on edges.

Geometry is rasterised at twice the picture's resolution. A pixel whose four points see the same
material is shaded once, at the mean of what they see; another is shaded at each of its points.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.raster import Fragments
from pipeline.procedural.anny import Int32
from pipeline.types import Float32

FACTOR = 2


@dataclass(frozen=True)
class Samples:
    """Points at which a layer is shaded.

    Attributes:
        pixel: int64 (n,), flat index of the picture's pixel.
        share: float32 (n,), of the pixel that the point stands for: 1 or a quarter.
        points: int64 (n, 4), flat indices of the enlarged picture whose mean it is.
        part: int8 (n,), the material there.
        hw: shape of the picture.
    """

    pixel: NDArray[np.int64]
    share: Float32
    points: NDArray[np.int64]
    part: NDArray[np.int8]
    hw: tuple[int, int]

    def gather(self, seen: Fragments, triangles: Int32, attributes: Float32) -> Float32:
        """Carry attributes of vertices, float32 (v, c), to the samples: float32 (n, c)."""
        result = np.empty((len(self.pixel), attributes.shape[1]), np.float32)
        _gather(
            seen.triangle.reshape(-1),
            seen.weights.reshape(-1, 3),
            np.ascontiguousarray(triangles, np.int32),
            np.ascontiguousarray(attributes, np.float32),
            self.points,
            result,
        )
        return result

    def spread(self, values: Float32) -> Float32:
        """Sum values (n, c) of the samples, by their shares, in the pixels: float32 (h, w, c)."""
        count = self.hw[0] * self.hw[1]
        columns = [
            np.bincount(self.pixel, values[:, k] * self.share, count)
            for k in range(values.shape[1])
        ]
        return np.stack(columns, axis=-1).reshape(*self.hw, -1).astype(np.float32)

    def votes(self, classes: NDArray[np.integer], count: int) -> Float32:
        """Return the share of each class in each pixel: float32 (h, w, count)."""
        index = self.pixel * count + classes
        total = np.bincount(index, self.share, self.hw[0] * self.hw[1] * count)
        return total.reshape(*self.hw, count).astype(np.float32)


def place_samples(part: NDArray[np.int8]) -> Samples:
    """Choose the samples of a layer from the materials of the enlarged picture, −1 for none."""
    height, width = part.shape[0] // FACTOR, part.shape[1] // FACTOR
    blocks = np.arange(part.size).reshape(height, FACTOR, width, FACTOR)
    index = blocks.transpose(0, 2, 1, 3).reshape(-1, FACTOR * FACTOR)
    four = part.reshape(-1)[index]
    same = (four == four[:, :1]).all(axis=1)
    whole = np.flatnonzero(same & (four[:, 0] >= 0))
    mixed = np.flatnonzero(~same)
    row, column = np.nonzero(four[mixed] >= 0)
    single = index[mixed[row], column]
    return Samples(
        pixel=np.concatenate([whole, mixed[row]]),
        share=np.repeat([1.0, 0.25], [len(whole), len(row)]).astype(np.float32),
        points=np.concatenate([index[whole], np.repeat(single[:, None], 4, axis=1)]),
        part=np.concatenate([four[whole, 0], four[mixed[row], column]]),
        hw=(height, width),
    )


@numba.njit(cache=True, nogil=True)
def _gather(triangle, weights, triangles, attributes, points, result):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    channels = attributes.shape[1]
    for i in range(len(points)):
        result[i] = 0.0
        count = 1 if points[i, 0] == points[i, 1] else 4
        for k in range(count):
            point = points[i, k]
            corners = triangles[triangle[point]]
            for corner in range(3):
                weight = weights[point, corner] / count
                vertex = corners[corner]
                for channel in range(channels):
                    result[i, channel] += weight * attributes[vertex, channel]
