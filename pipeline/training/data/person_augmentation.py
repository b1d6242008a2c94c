"""Random changes to crops of people that leave the identity, and their regions with them.

Reference:
    Mirror, padding and erasing: H. Luo et al., Bag of tricks and a strong baseline for deep person
    re-identification, CVPRW 2019; Z. Zhong et al., Random erasing data augmentation, AAAI 2020.
    Channels: M. Ye et al., Channel augmented joint learning for visible-infrared recognition, ICCV
    2021, section 3.2. Grey: M. Ye et al., Visible-infrared person re-identification via homogeneous
    augmented tri-modal learning, TIFS 2021.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.images import check_batch
from pipeline.params.body_training import AugmentationParams
from pipeline.types import UInt8

Window = tuple[slice, slice]
"""Rows and columns."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Rec. 601."""
_FILL = 127
"""What erased pixels become: the middle of the range."""
_AREA, _LEAST_ASPECT = (0.02, 0.4), 0.3
"""Share of the image that is erased, and its height over its width, or the inverse."""
_TRIALS = 10
"""Rectangles that are tried until one fits."""
_DRAWS = 7 + 4 * _TRIALS
"""Of an image."""


@dataclass(frozen=True)
class PersonAugmentation:
    """Changes as params ask for them, each image's own.

    In this order: mirror; padding by black and a random cut of the old size; grey, or one channel
    in place of all three; erasing of a rectangle.
    """

    params: AugmentationParams

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Draw what ``apply`` does to each image, float64 (count, k) of [0, 1)."""
        return rng.random((count, _DRAWS))

    def apply(
        self, images: UInt8, regions: UInt8, drawn: NDArray[np.float64]
    ) -> tuple[UInt8, UInt8]:
        """Change images and their region maps as drawn; none depends on the others.

        Args:
            images: uint8 (n, h, w, 3), RGB.
            regions: uint8 (n, h, w); moved with the image, and 0 where it was padded.
            drawn: what ``draw`` returned.

        Raises:
            ValueError: arrays of other shapes or types.
        """
        check_batch(images)
        if regions.dtype != np.uint8 or regions.shape != images.shape[:3]:
            raise ValueError(
                f"expected region maps, uint8 {images.shape[:3]}, got {regions.dtype} "
                f"{regions.shape}"
            )
        if drawn.shape != (len(images), _DRAWS):
            raise ValueError(f"expected draws ({len(images)}, {_DRAWS}), got {drawn.shape}")
        made, laid = np.zeros_like(images), np.zeros_like(regions)
        for index, row in enumerate(drawn):
            image, labels = images[index], regions[index]
            if row[0] < self.params.mirror:
                # NumPy turns three bytes at a time, OpenCV a row
                image = np.asarray(cv2.flip(image, 1), np.uint8)
                labels = np.asarray(cv2.flip(labels, 1), np.uint8)
            to, of = self._moved(labels.shape, row[1:3])
            made[index][to], laid[index][to] = image[of], labels[of]
            self._colour(made[index], row[3:6])
            if row[6] < self.params.erase:
                _erase(made[index], row[7:])
        return made, laid

    def _moved(self, hw: tuple[int, ...], drawn: NDArray[np.float64]) -> tuple[Window, Window]:
        """Pad by black and cut the old size out: where in it which part of an image lies."""
        height, width = hw
        pad = self.params.pad_px
        # moved by its own size or farther, an image is gone: all is black
        down, right = (
            ((drawn * (2 * pad + 1)).astype(int) - pad)
            .clip((-height, -width), (height, width))
            .tolist()
        )
        rows = slice(max(0, -down), min(height, height - down))
        columns = slice(max(0, -right), min(width, width - right))
        source = (
            slice(rows.start + down, rows.stop + down),
            slice(columns.start + right, columns.stop + right),
        )
        return (rows, columns), source

    def _colour(self, image: UInt8, drawn: NDArray[np.float64]) -> None:
        """Take the colour, or all channels but one."""
        if drawn[0] < self.params.grey:
            image[...] = _thrice(np.rint(image @ _LUMA).astype(np.uint8))
        elif drawn[1] < self.params.one_channel:
            image[...] = _thrice(np.ascontiguousarray(image[..., int(drawn[2] * 3)]))


def _thrice(channel: UInt8) -> UInt8:
    """Make an image whose channels are all this one."""
    return np.asarray(cv2.cvtColor(channel, cv2.COLOR_GRAY2RGB), np.uint8)


def _erase(image: UInt8, drawn: NDArray[np.float64]) -> None:
    """Fill a rectangle with grey: the first of some that fits."""
    height, width = image.shape[:2]
    for share, shape, down, right in drawn.reshape(_TRIALS, 4).tolist():
        area = (_AREA[0] + (_AREA[1] - _AREA[0]) * share) * height * width
        aspect = _LEAST_ASPECT * (1 / _LEAST_ASPECT**2) ** shape
        tall, wide = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if 0 < tall < height and 0 < wide < width:
            top, left = int(down * (height - tall + 1)), int(right * (width - wide + 1))
            image[top : top + tall, left : left + wide] = _FILL
            return
