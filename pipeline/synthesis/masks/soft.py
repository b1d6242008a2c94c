"""Blurs: where little is left to see, at half the size."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.types import Float32

SOFT_PX = 2.5
"""From this blur on, standard deviation, nobody sees that an image was blurred at half its size."""
_SEEN_PX = 0.3
"""What is blurred by less looks as it did."""
_OF_HALVING = 0.25 + 2 / 3
"""Variance that halving and doubling add: means of two pixels, and straight lines between those."""

_NO_SHIFT = np.zeros(2, np.float32)


def blurred(image: Float32, sigma: float) -> Float32:
    """Blur an image, (h, w, c), by a standard deviation in pixels; it may be overwritten."""
    if sigma < _SEEN_PX:
        return image
    if sigma < SOFT_PX:
        return soft(image, sigma)
    return doubled(soft(halved(image), half_sigma(sigma)), image.shape[:2])


def half_sigma(sigma: float) -> float:
    """Return by how much what is halved, and doubled after, has yet to be blurred; of 1 or more."""
    return float(np.sqrt(sigma**2 - _OF_HALVING) / 2)


def soft(image: Float32, sigma: float) -> Float32:
    """Blur an image in place: memory that is allocated anew is slow to touch the first time."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, dst=image), np.float32)


def halved(image: Float32, shift_xy: NDArray[np.floating] = _NO_SHIFT) -> Float32:
    """Halve an image, (h, w) or (h, w, c), that is moved by a shift, pixels; its border goes on."""
    wh = (image.shape[1] + 1) // 2, (image.shape[0] + 1) // 2
    to_image = np.array([[2, 0, 0.5 - shift_xy[0]], [0, 2, 0.5 - shift_xy[1]]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(image, to_image, wh, flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def doubled(image: Any, hw: tuple[int, ...]) -> Float32:
    """Enlarge what ``halved`` gave to the height and width that it was made from."""
    twice = cv2.resize(image, (2 * image.shape[1], 2 * image.shape[0]))
    return np.ascontiguousarray(twice[: hw[0], : hw[1]], np.float32)
