"""Pixels from outside on their way to upright 8-bit ones."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.types import UInt8

Pixel = TypeVar("Pixel", bound=np.generic)

TURNS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}
"""EXIF orientation: whether rows and columns change places, then columns, rows run backwards."""
_TOP_BIT = 1 << 15


def turned(image: NDArray[Pixel], swap: bool, mirror_x: bool, mirror_y: bool) -> NDArray[Pixel]:
    """Return an image with rows and columns swapped, then columns, then rows, in reverse."""
    image = image.swapaxes(0, 1) if swap else image
    image = image[:, ::-1] if mirror_x else image
    return np.ascontiguousarray(image[::-1] if mirror_y else image)


def shallow(values: np.ndarray, tone_percentiles: tuple[float, float]) -> UInt8:
    """Map an image of more than 8 bits to 8.

    Grey is mapped between percentiles. Colour of 16 bits whose highest bit is in use keeps its
    upper 8, which is what every viewer shows; where it is not, a sensor's 10 to 14 bits lie in the
    lower end, and the three channels are mapped between percentiles together.

    Args:
        values: real numbers ``[h, w]``, or ``[h, w, c]`` with 1 or 3 channels, and one more for
            opacity, which lays the image on black.
        tone_percentiles: which percentiles (0–100) become 0 and 255.

    Returns:
        uint8 ``[h, w]`` or ``[h, w, 3]``.
    """
    if values.ndim == 2:
        return tone_map(values, tone_percentiles)
    if values.shape[2] in (2, 4):
        opacity = values[..., -1:].astype(np.float64)
        most = float(opacity.max(initial=0))
        whole = 65535.0 if values.dtype == np.uint16 and most >= _TOP_BIT else max(most, 1.0)
        laid = values[..., :-1] * np.clip(opacity / whole, 0.0, 1.0)
        values = laid.astype(values.dtype)
    if values.shape[2] == 1:
        return tone_map(values[..., 0], tone_percentiles)
    if values.dtype == np.uint16 and values.max(initial=0) >= _TOP_BIT:
        return (values >> 8).astype(np.uint8)
    return tone_map(values, tone_percentiles)


def tone_map(values: np.ndarray, percentiles: tuple[float, float]) -> UInt8:
    """Map deep values linearly to 8 bits.

    Args:
        values: any real numbers ``[h, w]`` or ``[h, w, 3]``; what is not finite counts as darkest.
        percentiles: which percentiles (0–100) of the finite values become 0 and 255.

    Returns:
        uint8 of the same shape; a flat image becomes all 0.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(values[finite], percentiles)
    span = max(float(high - low), np.finfo(np.float32).tiny)
    scaled = np.where(finite, (values - low) / span, 0.0)
    return (np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
