"""TIFF files: what their tags tell, and values of more than 8 bits.

Pillow takes no 16-bit colour, no double, and no deep image that is big-endian and WhiteIsZero, and
leaves WhiteIsZero as it is; OpenCV reads them, and leaves WhiteIsZero as it is too.

Reference:
    Adobe, TIFF revision 6.0, 1992.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.ops.memory import by_opencv

_TYPES = {1: "B", 3: "H", 4: "I"}
_MOST_PAGES = 10_000
_REDUCED = 1
"""Bit of NewSubfileType: a thumbnail of another page."""
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 262, 277
_SUBFILE, _TILE_WIDTH, _TILE_LENGTH, _SAMPLE_FORMAT = 254, 322, 323, 339
_SIGNED = 2


@dataclass(frozen=True)
class Tiff:
    """What the tags of a TIFF's first page tell.

    Attributes:
        hw: height and width in pixels as stored.
        bits: of a sample.
        samples: of a pixel.
        signed: whether samples are whole numbers below 0, too.
        negative: whether 0 is white.
        tile_px: pixels of a tile; 0 where it has none.
        pages: images in the file, thumbnails left out.
    """

    hw: tuple[int, int]
    bits: int
    samples: int
    signed: bool
    negative: bool
    tile_px: int
    pages: int


def read_tiff(data: bytes) -> Tiff | None:
    """Read the tags; None where the file is cut, is a BigTIFF, or tells no size."""
    pages = [*_pages(data)]
    first = pages[0] if pages else {}
    hw = first.get(_HEIGHT, 0), first.get(_WIDTH, 0)
    if not all(hw):
        return None
    others = [page for page in pages[1:] if not page.get(_SUBFILE, 0) & _REDUCED]
    return Tiff(
        hw,
        first.get(_BITS, 1),
        first.get(_SAMPLES, 1),
        first.get(_SAMPLE_FORMAT, 1) == _SIGNED,
        first.get(_PHOTOMETRIC, 1) == 0,
        first.get(_TILE_WIDTH, 0) * first.get(_TILE_LENGTH, 0),
        1 + len(others),
    )


def deep_values(data: bytes, tiff: Tiff) -> np.ndarray | None:
    """Return an image of more than 8 bits as it is shown, upright, or None if OpenCV has none.

    Returns:
        ``[h, w]``, ``[h, w, 3]`` RGB or ``[h, w, 4]`` RGBA of uint16, int16, int32, float32 or
        float64; 10, 12 and 14 bits shifted up to 16, negated where 0 is white.
    """
    values = _by_opencv(data, tiff)
    return -values.astype(np.float64) if values is not None and tiff.negative else values


def sample_values(data: bytes, tiff: Tiff) -> np.ndarray | None:
    """Return what ``deep_values`` does as the file stores it: what a unit applies to."""
    values = _by_opencv(data, tiff)
    return values >> (16 - tiff.bits) if values is not None and 8 < tiff.bits < 16 else values


def _by_opencv(data: bytes, tiff: Tiff) -> np.ndarray | None:
    values = by_opencv(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_ANYDEPTH)
    channels = 1 if values is None or values.ndim == 2 else values.shape[2]
    if values is None or values.dtype.itemsize < 2 or channels != tiff.samples:
        return None
    if channels >= 3:
        values = values[..., [2, 1, 0, *range(3, channels)]]
    return values


def _pages(data: bytes) -> Iterator[Mapping[int, int]]:
    """Yield the first value of each page's tags.

    A page that was there already ends the list, and so does one that shares its bytes with others:
    all pages together have no more than the file.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    seen: set[int] = set()
    place = struct.unpack(f"{order}I", data[4:8])[0] if order and len(data) >= 8 else 0
    left = len(data)
    while order and place and place not in seen and len(seen) < _MOST_PAGES:
        seen.add(place)
        head = data[place : place + 2]
        count = struct.unpack(f"{order}H", head)[0] if len(head) == 2 else 0
        entries = data[place + 2 : place + 2 + 12 * count]
        left -= 12 * count
        if not count or len(entries) < 12 * count or left < 0:
            return
        yield {
            tag: value
            for start in reversed(range(0, len(entries), 12))  # of a tag given twice, the first
            for tag, value in [_entry(data, entries[start : start + 12], order)]
        }
        following = data[place + 2 + 12 * count : place + 6 + 12 * count]
        place = struct.unpack(f"{order}I", following)[0] if len(following) == 4 else 0


def _entry(data: bytes, entry: bytes, order: str) -> tuple[int, int]:
    """Return a tag and the first of its values, 0 where they are no whole numbers."""
    tag, kind, count = struct.unpack(f"{order}HHI", entry[:8])
    form = _TYPES.get(kind)
    if form is None or not count:
        return tag, 0
    width = struct.calcsize(form)
    value = entry[8 : 8 + width]
    if count * width > 4:
        (place,) = struct.unpack(f"{order}I", entry[8:12])
        value = data[place : place + width]
    return tag, struct.unpack(f"{order}{form}", value)[0] if len(value) == width else 0
