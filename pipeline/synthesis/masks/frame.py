"""The part of an image that a mask can reach: everything is drawn there only."""

from dataclasses import dataclass

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

    def placed(self, window: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Put a window's values into an image of zeros."""
        whole = np.zeros(shape, window.dtype)
        whole[self.slices] = window
        return whole


def frame_around(points_xy: Float32, pixels_per_cm: float, hw: tuple[int, int]) -> Frame | None:
    """Return the window around points with room for a shadow, None where it misses the image."""
    margin = 1.2 * pixels_per_cm + 2
    low = np.floor(np.clip(points_xy.min(axis=0) - margin, 0, hw[::-1])).astype(int)
    high = np.ceil(np.clip(points_xy.max(axis=0) + margin, 0, hw[::-1])).astype(int)
    width, height = (high - low).tolist()
    if width <= 0 or height <= 0:
        return None
    return Frame(int(low[0]), int(low[1]), (height, width))
