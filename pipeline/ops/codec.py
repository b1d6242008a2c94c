"""Encoded images to arrays and back.

Convention: arrays are uint8, grey ``[h, w]`` or RGB ``[h, w, 3]``, upright. Everything behind the
``ingest`` stage is written by ``encode_*`` or passed through unchanged, so ``decode`` can be quick;
what comes from outside goes through ``decode_foreign``, which trusts nothing.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from cv2.utils import logging as cv2_log
from PIL import Image, ImageFile

from pipeline.ops.containers import (
    PNG_SIGNATURE,
    Container,
    UndecodableError,
    has_more_scans,
    orientation_of,
    png_hw,
    read_jpeg,
    read_png,
)
from pipeline.ops.images import check_image
from pipeline.ops.memory import by_opencv, check_memory
from pipeline.ops.pixels import TURNS, shallow, tone_map, turned
from pipeline.ops.profiles import converted
from pipeline.ops.tiff import deep_values, read_tiff
from pipeline.types import UInt8

FORMATS = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (PNG_SIGNATURE,),
    "BMP": (b"BM",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "JPEG2000": (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"),
    "PPM": (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "WEBP": (b"RIFF",),
}
"""The formats that are decoded, and how their files begin. Nothing else is opened at all."""

MOST_PX_A_SIDE = 65_500
"""No image is longer: a JPEG could not hold it."""

_MOST_SCANS = 100
"""A progressive JPEG goes over its pixels ten times; one of a thousand passes would take hours."""
_BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError),
    *(struct.error, zlib.error),
)
"""What Pillow raises on broken files (UnidentifiedImageError is an OSError)."""
Image.MAX_IMAGE_PIXELS = None  # decode_foreign has a limit of its own, which can be set
cv2_log.setLogLevel(cv2_log.LOG_LEVEL_SILENT)  # the rejected table tells of a broken file
DEEP_MODES = ("I", "F")
"""How Pillow's names of what has more than 8 bits begin."""


@dataclass(frozen=True)
class Decoded:
    """An image from outside.

    Attributes:
        image: uint8 ``[h, w]`` or ``[h, w, 3]``, upright.
        data: a JPEG or PNG that decodes to exactly this image with any reader, so that it can be
            stored: the file's own bytes, without what some reader would stumble over; None where
            there are none, and the image has to be encoded.
        pages: images in the file; the first is the one.
    """

    image: UInt8
    data: bytes | None
    pages: int = 1

    @property
    def plain(self) -> bool:
        """Whether there are bytes to keep."""
        return self.data is not None


def decode_foreign(
    data: bytes, *, max_pixels: int, tone_percentiles: tuple[float, float]
) -> Decoded:
    """Decode an image from outside into its canonical form.

    Orientation (EXIF, XMP, TIFF) is applied, colour profiles other than sRGB's are converted,
    transparency is laid on black, palettes and CMYK turned to RGB, and more than 8 bits mapped to
    8. What is kept as it is was decoded by ``decode``, as whoever reads the shard will do.

    Args:
        data: the file's bytes.
        max_pixels: largest width × height that is decoded.
        tone_percentiles: which percentiles (0–100) of a deep image become 0 and 255.

    Raises:
        UndecodableError: ``empty_file``, ``not_an_image``, ``too_large`` or ``truncated``.
        MemoryError: there is too little to tell.
    """
    kind = _kind_of(data)
    container = _taken_apart(data, kind, max_pixels)
    if container is not None:
        found = _kept(data, kind, container)
        if found is not None:
            return found
        data = container.bare
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of metadata that nobody reads here
        if container is not None and container.bits == 16:
            return _deep_png(container, tone_percentiles)
        if kind == "TIFF" and (found := _deep_tiff(data, max_pixels, tone_percentiles)):
            return found
        return _by_pillow(data, kind, container, max_pixels, tone_percentiles)


def _kind_of(data: bytes) -> str:
    if not data:
        raise UndecodableError("empty_file", "the file has no bytes")
    for name, beginnings in FORMATS.items():
        if data.startswith(beginnings) and (name != "WEBP" or data[8:12] == b"WEBP"):
            return name
    raise UndecodableError("not_an_image", f"it does not begin like any of {', '.join(FORMATS)}")


def check_size(hw: tuple[int, int], max_pixels: int) -> None:
    """Refuse what would not fit into memory.

    Raises:
        UndecodableError: ``too_large``.
    """
    height, width = hw
    if width * height > max_pixels:
        raise UndecodableError(
            "too_large",
            f"{width} × {height} = {width * height / 1e6:.0f} megapixels, more than the "
            f"{max_pixels / 1e6:.0f} of ingest.max_megapixels",
        )
    if max(hw) > MOST_PX_A_SIDE:
        raise UndecodableError(
            "too_large", f"{width} × {height}: a side is longer than {MOST_PX_A_SIDE} pixels"
        )


def _taken_apart(data: bytes, kind: str, max_pixels: int) -> Container | None:
    """Take a PNG or JPEG apart; other formats are left to Pillow."""
    if kind == "PNG":
        check_size(png_hw(data), max_pixels)
        return read_png(data)
    if kind != "JPEG":
        return None
    container = read_jpeg(data)
    check_size(container.hw, max_pixels)
    if has_more_scans(data, _MOST_SCANS):
        raise UndecodableError(
            "too_large", f"the JPEG has more than {_MOST_SCANS} scans; no encoder makes so many"
        )
    return container


def _kept(data: bytes, kind: str, container: Container) -> Decoded | None:
    """Decode a file whose bytes can be stored; None where its image has to be made otherwise."""
    if not container.clear or container.bits != 8 or container.orientation != 1:
        return None
    shape = (*container.hw, 3) if container.channels == 3 else container.hw
    own = [data] if container.plain or (kind == "JPEG" and _others_read(data, container.hw)) else []
    for stored in (*own, container.bare):
        try:
            image = decode(stored)
        except UndecodableError:
            continue
        if image.shape == shape:
            break
    else:
        check_memory(container.hw)
        return None
    seen = converted(Image.fromarray(image), container.profile)
    if seen is not None:
        return Decoded(np.asarray(seen), None, container.frames)
    return Decoded(image, stored, container.frames)


def _others_read(data: bytes, hw: tuple[int, int]) -> bool:
    """Tell whether Pillow, as many users call it, gets by with what surrounds a JPEG's pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=("JPEG",))
            if (image.height, image.width) != hw:  # a second header may tell any size
                return False
            image.getexif()
        except _BROKEN:
            return False
    return True


def _deep_png(container: Container, tone_percentiles: tuple[float, float]) -> Decoded:
    values = by_opencv(container.bare)
    if values is None:
        check_memory(container.hw)
        raise UndecodableError("truncated", "the PNG's pixels end early, or are damaged")
    if values.ndim == 3:
        values = values[..., [2, 1, 0, *range(3, values.shape[2])]]
        if container.channels in (1, 2):
            values = values[..., [0, *range(3, values.shape[2])]]
    image = shallow(values, tone_percentiles)
    return Decoded(turned(image, *TURNS[container.orientation]), None, container.frames)


def _deep_tiff(
    data: bytes, max_pixels: int, tone_percentiles: tuple[float, float]
) -> Decoded | None:
    """Decode a TIFF of more than 8 bits; None where Pillow has to try."""
    tiff = read_tiff(data)
    if tiff is None:
        return None
    check_size(tiff.hw, max_pixels)
    if tiff.tile_px > 4 * max_pixels:
        raise UndecodableError("too_large", f"the TIFF has tiles of {tiff.tile_px} pixels")
    if tiff.bits <= 8:
        return None
    values = deep_values(data, tiff)
    if values is None:
        check_memory(tiff.hw)
        return None
    return Decoded(shallow(values, tone_percentiles), None, tiff.pages)


def _by_pillow(
    data: bytes,
    kind: str,
    container: Container | None,
    max_pixels: int,
    tone_percentiles: tuple[float, float],
) -> Decoded:
    image = _open(data, kind, max_pixels)
    try:
        image.load()
    except _BROKEN as error:
        check_memory((image.height, image.width))
        raise UndecodableError(
            "truncated", f"the {kind} ends before its pixels do, or they are damaged"
        ) from error
    if container is not None:
        orientation, profile, pages = container.orientation, container.profile, container.frames
    else:
        orientation, profile, pages = _told(image, kind)
    eight = _eight_bit(converted(image, profile) or image, tone_percentiles)
    if kind == "TIFF" and (tiff := read_tiff(data)):
        pages = tiff.pages
        if tiff.signed and image.mode == "L":
            eight = eight ^ np.uint8(128)  # -128 is the darkest; Pillow takes it for 128
    return Decoded(turned(eight, *TURNS[orientation]), None, pages)


def _open(data: bytes, kind: str, max_pixels: int) -> ImageFile.ImageFile:
    """Read an image's header, and refuse what would not fit into memory."""
    try:
        image = Image.open(io.BytesIO(data), formats=(kind,))
    except _BROKEN as error:
        raise UndecodableError(
            "not_an_image", f"it begins like a {kind}, but its header is not a known one"
        ) from error
    check_size((image.height, image.width), max_pixels)
    return image


def _told(image: ImageFile.ImageFile, kind: str) -> tuple[int, bytes, int]:
    """Return orientation, ICC profile and number of images as Pillow found them."""
    exif, xmp, profile = (image.info.get(name) for name in ("exif", "xmp", "icc_profile"))
    texts = [value if isinstance(value, bytes) else b"" for value in (exif, xmp, profile)]
    try:
        pages = int(getattr(image, "n_frames", 1))
    except _BROKEN:
        pages = 1
    # Pillow turns a TIFF itself.
    orientation = 1 if kind == "TIFF" else orientation_of(texts[0], texts[1])
    return orientation, texts[2], pages


def _eight_bit(image: Image.Image, tone_percentiles: tuple[float, float]) -> UInt8:
    if image.mode.startswith(DEEP_MODES):
        return tone_map(np.asarray(image, np.float32), tone_percentiles)
    if image.mode in ("L", "1") and "transparency" not in image.info:
        return np.asarray(image.convert("L"))
    if image.mode == "1" and image.info["transparency"]:
        image.info["transparency"] = 255  # as newer versions of Pillow say it; older ones say 1
    if image.mode in ("L", "1", "LA", "La"):
        black = Image.new("LA", image.size, (0, 255))
        return np.asarray(Image.alpha_composite(*(p.convert("RGBA") for p in (black, image))))[
            ..., 0
        ]
    if image.mode in ("RGBA", "RGBa", "PA") or "transparency" in image.info:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(black, image.convert("RGBA")).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def decode(data: bytes) -> UInt8:
    """Decode an image that crossband stored: grey ``[h, w]`` or RGB ``[h, w, 3]``.

    Raises:
        UndecodableError: it is none, or a damaged one.
        MemoryError: its pixels do not fit into memory.
    """
    image = by_opencv(data)
    if image is None:
        raise UndecodableError("not_an_image", "stored bytes are not an image")
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
    """Encode losslessly; level 1 is three times as quick as the default for 5 % more bytes.

    Args:
        image: uint8 ``[h, w]`` or ``[h, w, 3]``.

    Raises:
        ValueError: the image is another array; OpenCV would round or cut it.
    """
    return _encode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def encode_jpeg(image: UInt8, quality: int) -> bytes:
    """Encode with loss, colour at full resolution (4:4:4).

    Args:
        image: uint8 ``[h, w]`` or ``[h, w, 3]``.
        quality: 1 to 100.

    Raises:
        ValueError: the image is another array, or there is no such quality.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality {quality}: expected 1 to 100")
    full_colour = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return _encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality, *full_colour])


def _encode(extension: str, image: UInt8, options: list[int]) -> bytes:
    check_image(image)
    stored = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(extension, stored, options)
    if not done:
        raise ValueError(f"OpenCV could not encode a {extension} of shape {image.shape}")
    return data.tobytes()
