"""What images a network takes, and how a batch is made so."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import StageError
from pipeline.training.data.images import HW
from pipeline.types import Int64

MOST_MOVED_PX = 8
"""How far from the middle a cut may lie, however much larger the crop is."""
_LUMA = (0.2989, 0.587, 0.114)
"""Of red, green and blue, as torchvision weighs them (ITU-R BT.601, rounded)."""


@dataclass(frozen=True)
class Preprocess:
    """What images a network takes.

    Attributes:
        grey: one channel instead of three.
        hw: height and width that are cut out of the crop; None takes all of it.
        offset: subtracted from values of 0..255.
        divisor: by which they are divided then.
    """

    grey: bool
    hw: HW | None
    offset: float
    divisor: float

    def room(self, hw: HW) -> HW:
        """Return how far the cut can move inside a crop, downwards and to the right, in pixels.

        Raises:
            StageError: the crop is too small.
        """
        height, width = self.hw or hw
        room = hw[0] - height, hw[1] - width
        if min(room) < 0:
            raise StageError(
                f"crops have {hw[0]}×{hw[1]} pixels, the network takes {height}×{width}: expected "
                "crops of that size or larger; choose another template or backbone"
            )
        return room

    def corner_bounds(self, hw: HW) -> tuple[Int64, Int64]:
        """Return first, and one past last, of a random cut's top and left: int64 (2,) each.

        Raises:
            StageError: the crop is too small.
        """
        room = np.array(self.room(hw), np.int64)
        low = np.maximum(0, room // 2 - MOST_MOVED_PX)
        return low, np.minimum(room, low + 2 * MOST_MOVED_PX) + 1

    def random_corners(self, rng: np.random.Generator, count: int, hw: HW) -> Int64:
        """Draw where crops are cut, int64 (count, 2): top and left, near those of the middle."""
        return rng.integers(*self.corner_bounds(hw), (count, 2))

    def cut(self, images: Tensor, corners: Tensor | None = None) -> Tensor:
        """Cut images to the network's size.

        Args:
            images: (n, c, h, w).
            corners: int64 (n, 2), top and left of each; by default the middle.
        """
        crop = images.shape[-2], images.shape[-1]
        height, width = self.hw or crop
        room = self.room(crop)
        if corners is None:
            top, left = room[0] // 2, room[1] // 2
            return images[..., top : top + height, left : left + width]
        # one of all windows of each image, a view (n, rows, columns, c, height, width); images lie
        # channels last in memory, and so does what is copied
        windows = images.permute(0, 2, 3, 1).unfold(1, height, 1).unfold(2, width, 1)
        return windows[torch.arange(len(images)), corners[:, 0], corners[:, 1]]

    def values(self, images: Tensor) -> Tensor:
        """Turn uint8 (n, 1 or 3, h, w), RGB, into what the network takes, channels last.

        Raises:
            ValueError: the images are another tensor.
        """
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(
                "expected uint8 (n, 1 or 3, h, w), 0 to 255, got "
                f"{images.dtype} {tuple(images.shape)}"
            )
        if self.grey:
            if images.shape[1] == 3:
                images = _grey(images)
        elif images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        values = (images.float() - self.offset) / self.divisor
        return values.contiguous(memory_format=torch.channels_last)


def _grey(images: Tensor) -> Tensor:
    """Turn uint8 (n, 3, h, w), RGB, into grey of 8 bits, rounded down: (n, 1, h, w)."""
    red, green, blue = images.unbind(dim=1)
    mixed = red.mul(_LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])
    return mixed.to(images.dtype)[:, None]
