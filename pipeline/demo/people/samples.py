"""Where an image is shaded: once a pixel that sees one material, four times on edges.

Geometry is rasterised at twice the image's resolution. A pixel whose four points see the same
material is shaded once, at the mean of what they see; another is shaded at each of its points.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.raster import Fragments
from pipeline.types import Float32, Int32, UInt8

FACTOR = 2


@dataclass(frozen=True)
class Samples:
    """Points at which a layer is shaded.

    Attributes:
        pixel: int64 (n,), flat index of the image's pixel.
        share: float32 (n,), of the pixel that the point stands for: 1 or a quarter.
        points: int64 (n, 4), flat indices of the enlarged image whose mean it is.
        part: int8 (n,), the material there.
        hw: shape of the image.
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
        total = np.zeros((self.hw[0] * self.hw[1], values.shape[1]), np.float32)
        _spread(self.pixel, self.share, np.ascontiguousarray(values, np.float32), total)
        return total.reshape(*self.hw, -1)

    def elect(self, classes: UInt8, count: int, rest: int) -> UInt8:
        """Return the class with the largest share of each pixel, uint8 (h, w); the first of equals.

        Args:
            classes: uint8 (n,), below ``count``.
            count: how many classes there are.
            rest: class of what no sample stands for.
        """
        quarters = np.zeros((self.hw[0] * self.hw[1], count), np.uint8)
        elected = np.empty(len(quarters), np.uint8)
        _elect(self.pixel, self.share, classes, rest, quarters, elected)
        return elected.reshape(self.hw)


def place_samples(part: NDArray[np.int8]) -> Samples:
    """Choose the samples of a layer from the materials of the enlarged image, −1 for none."""
    height, width = part.shape[0] // FACTOR, part.shape[1] // FACTOR
    whole, single = _count(part)
    total = whole + single
    pixel, points = np.empty(total, np.int64), np.empty((total, FACTOR * FACTOR), np.int64)
    material = np.empty(total, np.int8)
    _place(part, whole, pixel, points, material)
    share = np.repeat([1.0, 0.25], [whole, single]).astype(np.float32)
    return Samples(pixel, share, points, material, (height, width))


@numba.njit(cache=True, nogil=True)
def _count(part):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count pixels of one material and, in all others, points with any."""
    whole, single = 0, 0
    for y in range(part.shape[0] // FACTOR):
        for x in range(part.shape[1] // FACTOR):
            first, same, covered = part[2 * y, 2 * x], True, 0
            for row in range(FACTOR):
                for column in range(FACTOR):
                    found = part[2 * y + row, 2 * x + column]
                    same = same and found == first
                    covered += found >= 0
            if not same:
                single += covered
            elif first >= 0:
                whole += 1
    return whole, single


@numba.njit(cache=True, nogil=True)
def _place(part, single, pixel, points, material):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """List whole pixels first, then, from index ``single`` on, the points of the others."""
    whole = 0
    stride = part.shape[1]
    for y in range(part.shape[0] // FACTOR):
        for x in range(stride // FACTOR):
            first, corner = part[2 * y, 2 * x], 2 * y * stride + 2 * x
            index = y * (stride // FACTOR) + x
            same = True
            for row in range(FACTOR):
                for column in range(FACTOR):
                    same = same and part[2 * y + row, 2 * x + column] == first
            if same and first < 0:
                continue
            for row in range(FACTOR):
                for column in range(FACTOR):
                    point = corner + row * stride + column
                    if same:
                        points[whole, 2 * row + column] = point
                    elif part[2 * y + row, 2 * x + column] >= 0:
                        pixel[single] = index
                        material[single] = part[2 * y + row, 2 * x + column]
                        points[single] = point
                        single += 1
            if same:
                pixel[whole], material[whole] = index, first
                whole += 1


@numba.njit(cache=True, nogil=True)
def _spread(pixel, share, values, total):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(pixel)):
        for channel in range(values.shape[1]):
            total[pixel[i], channel] += share[i] * values[i, channel]


@numba.njit(cache=True, nogil=True)
def _elect(pixel, share, classes, rest, quarters, elected):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(pixel)):
        quarters[pixel[i], classes[i]] += np.uint8(4 * share[i])
    for i in range(len(quarters)):
        best, most, left = 0, -1, 4
        for each in range(quarters.shape[1]):
            left -= quarters[i, each]
        quarters[i, rest] += left
        for each in range(quarters.shape[1]):
            if quarters[i, each] > most:
                best, most = each, quarters[i, each]
        elected[i] = best


@numba.njit(cache=True, nogil=True)
def _gather(triangle, weights, triangles, attributes, points, result):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    channels = attributes.shape[1]
    for i in range(len(points)):
        result[i] = 0.0
        count = 1 if points[i, 0] == points[i, 1] else 4
        k = 0
        while k < count:
            # Neighbours mostly see the same triangle: its corners are read once.
            index = triangle[points[i, k]]
            wa = wb = wc = np.float32(0.0)
            while k < count and triangle[points[i, k]] == index:
                wa += weights[points[i, k], 0]
                wb += weights[points[i, k], 1]
                wc += weights[points[i, k], 2]
                k += 1
            wa, wb, wc = wa / count, wb / count, wc / count
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            for channel in range(channels):
                result[i, channel] += (
                    wa * attributes[a, channel]
                    + wb * attributes[b, channel]
                    + wc * attributes[c, channel]
                )
