"""Local contrast: what detectors trained on visible light need to see a face in heat."""

from collections.abc import Callable

import cv2
import numpy as np

from pipeline.ops.images import check_image
from pipeline.types import UInt8

_CLIP_LIMIT = 2.0
_TILES = (8, 8)
_STRONG_LIMIT = 4.0
_STRONG_TILES = (4, 4)


def equalise(image: UInt8) -> UInt8:
    """Spread the contrast of each part of an image (CLAHE, clip limit 2, 8 × 8 tiles).

    On the sample's simulated LWIR faces seen from the front it raises YuNet's success from a
    quarter to eight tenths; stronger limits lower it again.

    Args:
        image: uint8 (h, w), or (h, w, 3) whose lightness alone is changed.

    Returns:
        uint8 of the same shape.

    Raises:
        ValueError: the image is another array.

    Reference:
        Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994.
    """
    check_image(image)
    clahe = cv2.createCLAHE(_CLIP_LIMIT, _TILES)
    if image.ndim == 2:
        return np.asarray(clahe.apply(image), np.uint8)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = clahe.apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def equalise_strongly(image: UInt8) -> UInt8:
    """Spread the contrast of a grey image further, in larger parts (clip limit 4, 4 × 4 tiles).

    Args:
        image: uint8 (h, w).

    Raises:
        ValueError: the image is another array.
    """
    if image.dtype != np.uint8 or image.ndim != 2:
        raise ValueError(f"expected uint8 (h, w), got {image.dtype} {image.shape}")
    return np.asarray(cv2.createCLAHE(_STRONG_LIMIT, _STRONG_TILES).apply(image), np.uint8)


def _as_is(image: UInt8) -> UInt8:
    return image


CONTRASTS: dict[str, Callable[[UInt8], UInt8]] = {
    "as_is": _as_is,
    "equalised": equalise,
    "strong": equalise_strongly,
}
"""Changes of a grey image's contrast by name: uint8 (h, w) to the same."""
