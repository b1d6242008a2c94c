"""Encoded images to arrays and back.

Convention: arrays are uint8, grey ``[h, w]`` or RGB ``[h, w, 3]``, upright. Everything behind the
``ingest`` stage is written by ``encode_*`` or passed through unchanged, so ``decode`` can be quick;
what comes from outside goes through ``decode_foreign``, which trusts nothing.
"""

import io
import struct
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageFile, ImageOps

from pipeline.types import UInt8

PLAIN_FORMATS = frozenset({"JPEG", "PNG"})
"""Formats that every reader decodes alike; others are re-encoded."""

_ORIENTATION = 0x0112
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, LookupError, struct.error)
"""What Pillow raises on broken files (UnidentifiedImageError is an OSError)."""
Image.MAX_IMAGE_PIXELS = None  # decode_foreign has a limit of its own, which can be set
_DEEP_MODES = ("I", "F")


class UndecodableError(ValueError):
    """A file is no image that can be used; ``reason`` is a word of the rejected table."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Decoded:
    """An image from outside.

    Attributes:
        image: uint8 ``[h, w]`` or ``[h, w, 3]``, upright.
        plain: the file's own bytes decode to exactly this image with any reader, so that they can
            be kept as they are.
    """

    image: UInt8
    plain: bool


def decode_foreign(
    data: bytes, *, max_pixels: int, tone_percentiles: tuple[float, float]
) -> Decoded:
    """Decode an image from outside into its canonical form.

    EXIF orientation is applied, transparency laid on black, palettes and CMYK turned to RGB, and
    more than 8 bits mapped to 8 between two percentiles of the image's own values.

    Args:
        data: the file's bytes.
        max_pixels: largest width × height that is decoded.
        tone_percentiles: which percentiles (0–100) of a deep image become 0 and 255.

    Raises:
        UndecodableError: ``empty_file``, ``not_an_image``, ``too_large`` or ``truncated``.
    """
    if not data:
        raise UndecodableError("empty_file", "the file has no bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of metadata that nobody reads here
        image = _open(data, max_pixels)
        deep = "16" in str(image.tile)  # Pillow drops the low bytes of 16-bit colour by itself
        try:
            image.load()
            upright = ImageOps.exif_transpose(image)
            turned = image.getexif().get(_ORIENTATION, 1) != 1
        except _BROKEN as error:
            raise UndecodableError("truncated", f"the image ends early: {error}") from error
    canonical = image.format in PLAIN_FORMATS and image.mode in ("L", "RGB")
    plain = canonical and not turned and not deep
    return Decoded(_eight_bit(upright, tone_percentiles), plain)


def _open(data: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """Read an image's header, and refuse what would not fit into memory."""
    try:
        image = Image.open(io.BytesIO(data))
    except _BROKEN as error:
        raise UndecodableError("not_an_image", f"no known image format: {error}") from error
    width, height = image.size
    if width * height > max_pixels:
        raise UndecodableError(
            "too_large",
            f"{width} × {height} = {width * height / 1e6:.0f} megapixels, more than the "
            f"{max_pixels / 1e6:.0f} of ingest.max_megapixels",
        )
    return image


def _eight_bit(image: Image.Image, tone_percentiles: tuple[float, float]) -> UInt8:
    if image.mode.startswith(_DEEP_MODES):
        return tone_map(np.asarray(image, np.float32), tone_percentiles)
    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L"))
    if image.mode in ("LA", "La"):
        black = Image.new("LA", image.size, (0, 255))
        return np.asarray(Image.alpha_composite(*(p.convert("RGBA") for p in (black, image))))[
            ..., 0
        ]
    if image.mode in ("RGBA", "RGBa", "PA") or "transparency" in image.info:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(black, image.convert("RGBA")).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def tone_map(values: np.ndarray, percentiles: tuple[float, float]) -> UInt8:
    """Map deep grey values linearly to 8 bits.

    Args:
        values: any real numbers ``[h, w]``; what is not finite counts as darkest.
        percentiles: which percentiles (0–100) of the finite values become 0 and 255.

    Returns:
        uint8 ``[h, w]``; a flat image becomes all 0.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(values[finite], percentiles)
    span = max(float(high - low), np.finfo(np.float32).tiny)
    scaled = np.where(finite, (values - low) / span, 0.0)
    return (np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def decode(data: bytes) -> UInt8:
    """Decode an image that crossband stored: grey ``[h, w]`` or RGB ``[h, w, 3]``."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise UndecodableError("not_an_image", "stored bytes are no image")
    upright = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return np.asarray(upright, np.uint8)


def decode_rgb(data: bytes) -> UInt8:
    """Decode an image that crossband stored to RGB ``[h, w, 3]``; grey is repeated."""
    return as_rgb(decode(data))


def as_rgb(image: UInt8) -> UInt8:
    """Return grey ``[h, w]`` as RGB ``[h, w, 3]``; RGB stays as it is."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)) if image.ndim == 2 else image


def as_grey(image: UInt8) -> UInt8:
    """Return RGB ``[h, w, 3]`` as grey ``[h, w]`` (Rec. 601); grey stays as it is."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)) if image.ndim == 3 else image


def encode_png(image: UInt8) -> bytes:
    """Encode losslessly; level 1 is three times as quick as the default for 5 % more bytes."""
    return _encode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def encode_jpeg(image: UInt8, quality: int) -> bytes:
    """Encode with loss, colour at full resolution (4:4:4).

    Args:
        image: uint8 ``[h, w]`` or ``[h, w, 3]``.
        quality: 1 to 100.
    """
    full_colour = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return _encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality, *full_colour])


def _encode(extension: str, image: UInt8, options: list[int]) -> bytes:
    stored = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(extension, stored, options)
    if not done:
        raise ValueError(f"OpenCV could not encode a {extension} of shape {image.shape}")
    return data.tobytes()
