"""PNG and JPEG files taken apart, without trust in a length that they tell.

What surrounds the pixels (notes, EXIF, colour profiles) is split off: a fault there is no fault of
the pixels. Nothing is allocated by what a header says, so a walk costs what the file's bytes cost.

Reference:
    ISO/IEC 15948 (PNG), ITU-T T.81 annex B (JPEG), CIPA DC-008 (EXIF), ICC.1 annex B.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.ops.multi_picture import MARK, further_images

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_PLAIN_BYTES = {b"pHYs": (9, 255), b"gAMA": (4, 127), b"cHRM": (32, 255), b"sRGB": (1, 3)}
"""Chunks that any reader passes over in silence, if they have this length, no higher first byte,
and stand once, before palette and pixels. Of others libpng may write a line to stderr whenever the
image is decoded: of a profile of RGB in a grey image, of a date or a number of bits that can't be.
"""
_SHORT_BYTES = 1 << 16
_KEYWORD_BYTES = 79
_PROFILE_BYTES = 16 << 20
_MARKER = re.compile(rb"\xff[^\0\xff]")
"""What a decoder takes for one: it passes over all other bytes, zeros behind 0xFF among them."""
_SEGMENT = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")
"""The end mark, or a marker that a length follows; no bytes of compressed pixels look alike."""
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG markers that open a frame: they tell the image's size."""
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_KEPT_SEGMENTS = (0xE0, 0xEE)
"""JFIF and Adobe's: they tell how the colours are coded."""
_ORIENTATION = 0x0112
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=\"|>)([1-8])[\"<]")


class UndecodableError(ValueError):
    """A file is no image that can be used; ``reason`` is a word of the rejected table."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both: of these it is made anew in another process
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


@dataclass(frozen=True)
class Container:
    """What a PNG or JPEG file holds.

    Attributes:
        hw: height and width in pixels as stored, before any turn.
        channels: as stored: 1 grey, 2 grey with transparency, 3 colour, 4 more; 0 for a palette.
        bits: of a channel.
        clear: whether colours are stored as they are: no transparency beside them.
        bare: the file without what surrounds the pixels, its checksums right.
        plain: whether nothing surrounds the pixels that some reader stumbles over.
        orientation: of EXIF or XMP, 1 to 8.
        profile: the ICC profile, empty where there is none that can be read.
        frames: images in the file, those behind the first included.
    """

    hw: tuple[int, int]
    channels: int
    bits: int
    clear: bool
    bare: bytes
    plain: bool
    orientation: int
    profile: bytes
    frames: int


def png_hw(data: bytes) -> tuple[int, int]:
    """Return the height and width that a PNG's header tells, zeros where it is cut."""
    width, height = struct.unpack(">II", data[16:24].ljust(8, b"\0"))
    return height, width


def read_png(data: bytes) -> Container:
    """Take a PNG apart.

    Raises:
        UndecodableError: ``truncated``: a chunk of the pixels is cut, or is not what its checksum
            says.
    """
    chunks = [*_chunks(data)]
    if not chunks or chunks[0].kind != b"IHDR" or len(chunks[0].body) != 13:
        raise UndecodableError("truncated", "the PNG does not begin with its header")
    width, height, bits, colour = struct.unpack(">IIBB", chunks[0].body[:10])
    channels = {0: 1, 2: 3, 3: 0, 4: 2, 6: 4}.get(colour)
    if not width or not height or channels is None:
        raise UndecodableError("truncated", "the PNG's header has impossible values")
    for chunk in chunks:
        if chunk.kind in (b"IHDR", b"PLTE") and not chunk.whole:
            raise UndecodableError("truncated", "the PNG's header does not match its checksum")
    pixels = b"".join(chunk.body for chunk in chunks if chunk.kind == b"IDAT")
    if not pixels:
        raise UndecodableError("truncated", "the PNG ends before its pixels")
    if not all(chunk.whole for chunk in chunks if chunk.kind == b"IDAT"):
        _check_stream(pixels, height * (8 * width + 8))
    ended = any(chunk.kind == b"IEND" for chunk in chunks)
    body = [chunk for chunk in chunks if chunk.kind in _PIXEL_CHUNKS and chunk.kind != b"IEND"]
    bare = PNG_SIGNATURE + b"".join(
        packed_chunk(chunk.kind, chunk.body) for chunk in body if chunk.whole or _is_critical(chunk)
    )
    others = [chunk for chunk in chunks if chunk.kind not in _PIXEL_CHUNKS]
    exif, xmp, profile, frames = _png_notes(others)
    return Container(
        (height, width),
        channels,
        bits,
        channels in (1, 3) and all(chunk.kind != b"tRNS" for chunk in chunks),
        bare + packed_chunk(b"IEND", b""),
        ended and all(chunk.whole for chunk in chunks) and _are_plain(chunks),
        orientation_of(exif, xmp),
        profile,
        frames,
    )


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    body: bytes
    whole: bool
    """Whether the checksum is right."""


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield the chunks up to the end mark; one cut short is dropped, or an error if of pixels."""
    place = len(PNG_SIGNATURE)
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        kind = data[place + 4 : place + 8]
        end = place + 8 + length
        if end + 4 > len(data):
            if kind in _CRITICAL[:-1]:
                raise UndecodableError("truncated", "the PNG ends before its pixels do")
            return
        checksum = int.from_bytes(data[end : end + 4], "big")
        body = data[place + 8 : end]
        yield _Chunk(kind, body, zlib.crc32(body, zlib.crc32(kind)) == checksum)
        if kind == b"IEND":
            return
        place = end + 4


def packed_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a PNG chunk with its length and checksum."""
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return len(body).to_bytes(4, "big") + kind + body + checksum.to_bytes(4, "big")


def _is_critical(chunk: _Chunk) -> bool:
    return chunk.kind in _CRITICAL


def _are_plain(chunks: list[_Chunk]) -> bool:
    """Tell whether nobody stumbles over what surrounds the pixels, and libpng is silent."""
    kinds = [chunk.kind for chunk in chunks]
    first = min(kinds.index(kind) for kind in (b"PLTE", b"IDAT") if kind in kinds)
    others = [chunk for chunk in chunks if chunk.kind not in _PIXEL_CHUNKS]
    once = [chunk.kind for chunk in others if chunk.kind != b"tEXt"]
    early = [chunk.kind for chunk in chunks[:first]]
    return len({*once}) == len(once) and all(
        _is_plain(chunk) and (chunk.kind not in _PLAIN_BYTES or chunk.kind in early)
        for chunk in others
    )


def _is_plain(chunk: _Chunk) -> bool:
    body = chunk.body
    if chunk.kind == b"eXIf":
        return exif_orientation(body) is not None
    if chunk.kind == b"tEXt":
        return 1 <= body.find(b"\0") <= _KEYWORD_BYTES and len(body) <= _SHORT_BYTES
    length, highest = _PLAIN_BYTES.get(chunk.kind, (-1, 0))
    return len(body) == length and body[0] <= highest


def _check_stream(pixels: bytes, limit: int) -> None:
    """Compare compressed pixels, of at most so many bytes, with the checksum inside them.

    Raises:
        UndecodableError: ``truncated``: they are others.
    """
    stream, total = zlib.decompressobj(), 0
    wrong = UndecodableError("truncated", "the PNG's pixels do not match their checksum")
    try:
        while pixels and not stream.eof and total <= limit:
            total += len(stream.decompress(pixels, 1 << 20))
            pixels = stream.unconsumed_tail
    except zlib.error as error:
        raise wrong from error
    if not stream.eof:
        raise wrong


def _png_notes(chunks: list[_Chunk]) -> tuple[bytes, bytes, bytes, int]:
    """Return EXIF, XMP, ICC profile and the number of frames."""
    exif, xmp, profile, frames = b"", b"", b"", 1
    for chunk in chunks:
        if chunk.kind == b"eXIf":
            exif = chunk.body
        elif chunk.kind == b"iTXt" and chunk.body.startswith(b"XML:com.adobe.xmp\0"):
            xmp = chunk.body
        elif chunk.kind == b"zTXt" and chunk.body.startswith(b"Raw profile type exif\0"):
            exif = exif or _hex_profile(_inflated(chunk.body.partition(b"\0")[2][1:]))
        elif chunk.kind == b"iCCP":
            profile = _inflated(chunk.body.partition(b"\0")[2][1:])
        elif chunk.kind == b"acTL" and len(chunk.body) == 8:
            frames = max(1, int.from_bytes(chunk.body[:4], "big"))
    return exif, xmp, profile, frames


def _inflated(data: bytes) -> bytes:
    """Return what was compressed, empty where it is damaged or longer than any profile."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, _PROFILE_BYTES)
    except zlib.error:
        return b""
    return found if stream.eof else b""


def _hex_profile(text: bytes) -> bytes:
    """Return the bytes of ImageMagick's raw profile: three lines of head, then hex digits."""
    digits = b"".join(text.split(b"\n")[3:])
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return b""


def read_jpeg(data: bytes) -> Container:
    """Take a JPEG apart.

    Raises:
        UndecodableError: ``not_an_image`` or ``truncated``: it ends before its size or its pixels.
    """
    kept, hw, channels, bits = [b"\xff\xd8"], (0, 0), 0, 0
    exif, xmp = b"", b""
    profiles: dict[int, bytes] = {}
    index_place, index = 0, b""
    place = 2
    while True:
        place, marker = _marker(data, place)
        if marker in (None, 0xD9):
            raise _ended(hw)
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(data[place : place + 2], "big")
        body = data[place + 2 : place + length]
        if length < 2 or len(body) != length - 2:
            raise _ended(hw)
        if marker in _FRAMES:
            if len(body) < 6:
                raise _ended(hw)
            bits, height, width, channels = struct.unpack(">BHHB", body[:6])
            hw = (height, width)
        if marker == 0xDA:
            break
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            exif = exif or body
        elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            xmp = body
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            profiles[body[12]] = body[14:]
        elif marker == 0xE2 and body.startswith(MARK):
            index_place, index = place + 2, body
        if (not 0xE0 <= marker <= 0xEF and marker != 0xFE) or marker in _KEPT_SEGMENTS:
            kept.append(b"\xff" + bytes([marker]) + data[place : place + length])
        place += length
    if not hw[0] or not hw[1]:
        raise _ended((0, 0))
    return Container(
        hw,
        channels,
        bits,
        channels in (1, 3),
        b"".join(kept) + data[place - 2 :],
        not exif or exif_orientation(exif) is not None,
        orientation_of(exif, xmp),
        b"".join(profiles[number] for number in sorted(profiles)),
        1 + further_images(data, index_place, index, hw),
    )


def _marker(data: bytes, place: int) -> tuple[int, int | None]:
    """Return the place behind the next marker, and the marker, None where there is no more."""
    match = _MARKER.search(data, place)
    return (match.end(), data[match.end() - 1]) if match else (len(data), None)


def _ended(hw: tuple[int, int]) -> UndecodableError:
    if not all(hw):
        return UndecodableError("not_an_image", "the JPEG ends before it gives its size")
    return UndecodableError("truncated", "the JPEG ends before its pixels")


def has_more_scans(data: bytes, most: int) -> bool:
    """Tell whether a JPEG's decoder goes over its pixels more often than that.

    It does up to the end mark. What lies behind, as the video of a motion photo, and inside
    segments, as a thumbnail, is no scan of it.
    """
    if data.count(b"\xff\xda") <= most:
        return False
    scans, place = 0, 2
    while scans <= most and (match := _SEGMENT.search(data, place)):
        marker, place = data[match.end() - 1], match.end()
        if marker == 0xD9:
            break
        scans += marker == 0xDA
        place += int.from_bytes(data[place : place + 2], "big")
    return scans > most


def orientation_of(exif: bytes, xmp: bytes = b"") -> int:
    """Return the orientation, 1 to 8, that EXIF tells, else XMP, else 1."""
    told = exif_orientation(exif) if exif else None
    if told:
        return told
    match = _XMP_ORIENTATION.search(xmp)
    return int(match[1]) if match else 1


def exif_orientation(exif: bytes) -> int | None:
    """Return the orientation of an EXIF block: 0 where it tells none, None where it is damaged."""
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return None
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    if start + 2 > len(block):
        return None
    (count,) = struct.unpack_from(f"{order}H", block, start)
    if start + 2 + 12 * count > len(block):
        return None
    for number in range(count):
        tag, kind = struct.unpack_from(f"{order}HH", block, start + 2 + 12 * number)
        if tag == _ORIENTATION and kind == 3:
            (value,) = struct.unpack_from(f"{order}H", block, start + 2 + 12 * number + 8)
            return value if 1 <= value <= 8 else 0
    return 0
