"""The part of an image that a mask can reach: everything is drawn there only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Float32


@dataclass(frozen=True)
class Frame:
    """A window of an image, whole pixels.

    Attributes:
        left: first column.
        top: first row.
        hw: height and width.
    """

    left: int
    top: int
    hw: tuple[int, int]

    @property
    def origin(self) -> Float32:
        """What to subtract from points of the image, (3,)."""
        return np.array([self.left, self.top, 0], np.float32)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the image."""
        height, width = self.hw
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def around(self, points: Sequence[NDArray[np.floating]], margin: float) -> Self:
        """Return the part of the window that holds all points, (n, 2 or more) each, and a margin.

        At least one pixel is left.
        """
        starts, sizes = [], []
        known = [each for each in points if len(each)]
        for axis, (start, size) in enumerate(
            zip((self.left, self.top), self.hw[::-1], strict=True)
        ):
            low = min((float(each[:, axis].min()) for each in known), default=start) - margin
            high = max((float(each[:, axis].max()) for each in known), default=start) + margin
            first = int(np.clip(np.floor(low - start), 0, size - 1))
            starts.append(start + first)
            sizes.append(max(int(np.clip(np.ceil(high - start), 0, size)) - first, 1))
        return type(self)(starts[0], starts[1], (sizes[1], sizes[0]))


def frame_around(points_xy: Float32, pixels_per_cm: float, hw: tuple[int, int]) -> Frame | None:
    """Return the window around points with room for a shadow, None where it misses the image."""
    margin = 1.2 * pixels_per_cm + 2
    spans = []
    for along, size in zip(points_xy.T, hw[::-1], strict=True):
        low = int(np.floor(np.clip(along.min() - margin, 0, size)))
        high = int(np.ceil(np.clip(along.max() + margin, 0, size)))
        if high <= low:
            return None
        spans.append((low, high - low))
    (left, width), (top, height) = spans
    return Frame(left, top, (height, width))
