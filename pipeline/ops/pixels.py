"""Pixels from outside on their way to upright 8-bit ones."""

from collections.abc import Iterator
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
_DEPTH = 1 << 16
_BLOCK = 1 << 20
"""Values at once of which wider copies are made: an image's would take gigabytes."""


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
        values = _on_black(values)
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
    if values.dtype == np.uint16:
        return _by_table(values, percentiles)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(values[finite], percentiles)
    return _mapped(values, low, high, finite)


def _mapped(
    values: np.ndarray, low: np.floating, high: np.floating, finite: np.ndarray | bool = True
) -> UInt8:
    span = max(float(high - low), np.finfo(np.float32).tiny)
    scaled = np.where(finite, (values - low) / span, 0.0)
    return (np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _by_table(values: NDArray[np.uint16], percentiles: tuple[float, float]) -> UInt8:
    """Map 16 bits as ``_mapped`` does, each value once; no wider copy of the image is made."""
    mapped = np.zeros(values.shape, np.uint8)
    if not values.size:
        return mapped
    counts = np.zeros(_DEPTH, np.int64)
    for rows in _blocks(values):
        counts += np.bincount(values[rows].ravel(), minlength=_DEPTH)
    table = _mapped(np.arange(_DEPTH), *_percentiles_of(counts, percentiles))
    for rows in _blocks(values):
        mapped[rows] = table[values[rows]]
    return mapped


def _percentiles_of(counts: NDArray[np.int64], percentiles: tuple[float, float]) -> np.ndarray:
    """Return what ``np.percentile`` does, bit for bit, of values that were counted."""
    up_to = np.cumsum(counts)
    places = (up_to[-1] - 1) * (np.asarray(percentiles) / 100)
    before = np.floor(places).astype(np.int64)
    low = np.searchsorted(up_to, before, side="right")
    high = np.searchsorted(up_to, np.minimum(before + 1, up_to[-1] - 1), side="right")
    share = places - before
    gap = high - low
    return np.asarray(np.where(share < 0.5, low + gap * share, high - gap * (1 - share)))


def _on_black(values: np.ndarray) -> np.ndarray:
    """Lay an image on black by its last channel, the opacity."""
    most = float(values[..., -1].max(initial=0))
    whole = 65535.0 if values.dtype == np.uint16 and most >= _TOP_BIT else max(most, 1.0)
    laid = np.empty(values[..., :-1].shape, values.dtype)
    for rows in _blocks(values):
        opacity = np.clip(values[rows, ..., -1:].astype(np.float64) / whole, 0.0, 1.0)
        laid[rows] = (values[rows, ..., :-1] * opacity).astype(values.dtype)
    return laid


def _blocks(values: np.ndarray) -> Iterator[slice]:
    """Yield an image's rows, so many at once that they hold about ``_BLOCK`` values."""
    rows = max(1, _BLOCK * len(values) // max(1, values.size))
    for start in range(0, len(values), rows):
        yield slice(start, start + rows)
