"""Heat as cameras store it, to grey where hot is bright: radiometric, deep, false colours."""

import io
import re
import struct
from collections.abc import Callable

import numpy as np
from PIL import Image

from pipeline.ops.codec import DEEP_MODES, FORMATS, as_rgb
from pipeline.ops.containers import PNG_SIGNATURE, UndecodableError, read_jpeg, read_png
from pipeline.ops.memory import by_opencv
from pipeline.ops.palettes import heat_of, recognised
from pipeline.ops.pixels import TURNS, tone_map, turned
from pipeline.ops.tiff import Tiff, deep_values, read_tiff, sample_values
from pipeline.types import Float32, UInt8

_FLIR = re.compile(rb"\xff\xe1..FLIR\x00", re.DOTALL)
"""How FLIR's own blocks of a JPEG begin: APP1, a length, and the name, which EXIF has as well."""
_BROKEN = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError),
    *(OSError, ArithmeticError, NotImplementedError, struct.error),
)
"""What flyr raises on files that it does not know."""
UNITS = {
    "celsius": (1.0, 0.0),
    "kelvin": (1.0, -273.15),
    "decikelvin": (0.1, -273.15),
    "centikelvin": (0.01, -273.15),
}
"""Degrees Celsius of a stored value v: scale × v + shift."""
_MOST_OUTSIDE = 0.99
"""From this share of an image's values outside of its span, unit or span are taken for wrong."""


def thermal_image(
    data: bytes,
    decoded: UInt8,
    *,
    palette: str,
    unit: str | None,
    span_c: tuple[float, float] | None,
    tone_percentiles: tuple[float, float],
) -> UInt8:
    """Return an image of heat as grey, hot is bright.

    Args:
        data: the file's bytes, which ``decode_foreign`` has taken.
        decoded: what it made of them, uint8 ``[h, w]`` or ``[h, w, 3]``.
        palette: of 8-bit images: a name of ``PALETTES``, ``auto``, or ``none`` to keep colours.
        unit: a name of ``UNITS`` for values of more than 8 bits; None: it is not known.
        span_c: °C that become black and white.
        tone_percentiles: which percentiles become black and white where there is no fixed span.

    Returns:
        uint8 ``[h, w]``.

    Raises:
        UndecodableError: ``unknown_camera``: radiometric data that nobody reads;
            ``unknown_unit``: a span in °C for values whose unit is not named;
            ``outside_span``: nearly all values lie beyond the span;
            ``unknown_palette``: colours of no palette.
    """
    values = stored_values(data, unit)
    if values is None:
        return _grey_of(decoded, palette)
    if span_c is None:
        return tone_map(values, tone_percentiles)
    if unit is None and not _is_radiometric(data):
        raise UndecodableError(
            "unknown_unit", "values of more than 8 bits; name datasets.<name>.heat.unit"
        )
    low, high = span_c
    _check_span(values, low, high)
    known = np.where(np.isfinite(values), values, low)
    scaled = np.clip((known - low) / (high - low), 0.0, 1.0)
    return np.asarray(np.rint(scaled * 255.0), np.uint8)


def _check_span(values: Float32, low: float, high: float) -> None:
    """Refuse an image that a span would make one black or white: its unit or the span is wrong."""
    known = values[np.isfinite(values)]
    outside = np.count_nonzero((known < low) | (known > high))
    if known.size and outside >= _MOST_OUTSIDE * known.size:
        raise UndecodableError(
            "outside_span",
            f"{100 * outside / known.size:.0f} % of its values, {known.min():.1f} to "
            f"{known.max():.1f} °C, lie outside {low:g} to {high:g} °C; correct "
            "datasets.<name>.heat.unit or span_c",
        )


def stored_values(data: bytes, unit: str | None) -> Float32 | None:
    """Return the values that a file stores, in °C where their unit is known; None if 8 bits.

    Returns:
        float32 ``[h, w]``, upright.

    Raises:
        UndecodableError: ``unknown_camera``.
    """
    if _is_radiometric(data):
        return _radiometric(data)
    values = _grey_values(_deep(data, as_shown=unit is None))
    if values is None:
        return None
    scale, shift = UNITS[unit] if unit else (1.0, 0.0)
    return (values.astype(np.float64) * scale + shift).astype(np.float32)


def _is_radiometric(data: bytes) -> bool:
    return data.startswith(b"\xff\xd8") and _FLIR.search(data, 0, 1 << 20) is not None


def _radiometric(data: bytes) -> Float32:
    """Read a FLIR radiometric JPEG: apparent temperature by the camera's own parameters."""
    import flyr

    try:
        values = np.asarray(flyr.unpack(io.BytesIO(data)).celsius, np.float32)
    except _BROKEN as error:
        raise UndecodableError(
            "unknown_camera", f"radiometric data that flyr can't read: {error!r}"
        ) from error
    return turned(values, *TURNS[read_jpeg(data).orientation])


def _deep(data: bytes, *, as_shown: bool) -> np.ndarray | None:
    """Return an image, upright, or None where it surely has 8 bits.

    Without a unit, hot is what a TIFF shows bright; a unit applies to what it stores.
    """
    if data.startswith(FORMATS["TIFF"]):
        return _deep_tiff(data, deep_values if as_shown else sample_values)
    if data.startswith(PNG_SIGNATURE):
        container = read_png(data)
        values = by_opencv(container.bare) if container.bits == 16 else None
        return None if values is None else turned(values, *TURNS[container.orientation])
    if data.startswith((*FORMATS["JPEG2000"], *FORMATS["PPM"])):
        # Not Pillow: it stretches fewer than 16 bits. OpenCV wants an end behind a last number.
        return by_opencv(data + b"\n")
    return None


def _deep_tiff(
    data: bytes, values_of: Callable[[bytes, Tiff], np.ndarray | None]
) -> np.ndarray | None:
    tiff = read_tiff(data)
    values = values_of(data, tiff) if tiff and tiff.bits > 8 else None
    if values is not None:
        return values
    # What has no tags that are known, or unsigned 32 bits, decode_foreign took by Pillow.
    image = Image.open(io.BytesIO(data), formats=("TIFF",))
    return np.asarray(image) if image.mode.startswith(DEEP_MODES) else None


def _grey_values(values: np.ndarray | None) -> np.ndarray | None:
    """Return the grey of more than 8 bits, ``[h, w]``; None of 8, and of colours.

    Three equal channels are grey. What is transparent is no number: it becomes the coldest.
    """
    if values is None or values.dtype.itemsize == 1:
        return None
    if values.ndim == 2:
        return values
    grey = values[..., 0]
    if (values[..., :3] != grey[..., None]).any():
        return None
    return grey if values.shape[2] == 3 else np.where(values[..., 3] > 0, grey, np.nan)


def _grey_of(decoded: UInt8, palette: str) -> UInt8:
    if palette == "none":
        return decoded
    rgb = as_rgb(decoded)
    if palette != "auto":
        return heat_of(rgb, palette)
    if decoded.ndim == 2:
        return decoded
    found = recognised(rgb)
    if found is None:
        raise UndecodableError(
            "unknown_palette",
            "its colours match no known palette; name one in datasets.<name>.heat.palette, or "
            "'none' to keep the colours",
        )
    return heat_of(rgb, found)
