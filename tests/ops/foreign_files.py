"""Files as other programs write them, put together by hand."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from pipeline.ops.codec import decode_foreign

RNG = np.random.default_rng(5)
GREY = (np.add.outer(np.arange(24), np.arange(32)) * 4).astype(np.uint8)
COLOUR = np.dstack([GREY, GREY[::-1], 255 - GREY])
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PERCENTILES = (0.5, 99.5)


def foreign(data, **options):
    limits = {"max_pixels": 10**6, "tone_percentiles": PERCENTILES}
    return decode_foreign(data, **limits | options)


def saved(image, file_format, **options):
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def chunk(kind, body, wrong=0):
    checksum = zlib.crc32(body, zlib.crc32(kind)) ^ wrong
    return len(body).to_bytes(4, "big") + kind + body + checksum.to_bytes(4, "big")


def png(values, colour_type, *others, behind=b"", end=True):
    """A PNG of uint8 or uint16 values, with further chunks before or behind its pixels."""
    bits = values.dtype.itemsize * 8
    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    lines = values.astype(values.dtype.newbyteorder(">")).reshape(height, -1)
    pixels = b"".join(b"\0" + line.tobytes() for line in lines)
    parts = [chunk(b"IHDR", header), *others, chunk(b"IDAT", zlib.compress(pixels)), behind]
    return SIGNATURE + b"".join(parts) + (chunk(b"IEND", b"") if end else b"")


def tiff(values, *, order="<", white_is_zero=False, orientation=1, bits=None):
    """An uncompressed TIFF of one page; of fewer bits than the type has, they are packed."""
    height, width = values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[2]
    data = (
        packed(values, bits) if bits else values.astype(values.dtype.newbyteorder(order)).tobytes()
    )
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    photometric = 2 if channels > 2 else 0 if white_is_zero else 1
    tags = [
        (256, "I", [width]),
        (257, "I", [height]),
        (258, "H", [bits or values.dtype.itemsize * 8] * channels),
        (259, "H", [1]),
        (262, "H", [photometric]),
        (273, "I", [8]),
        (274, "H", [orientation]),
        (277, "H", [channels]),
        (278, "I", [height]),
        (279, "I", [len(data)]),
        *([(338, "H", [2])] if channels == 4 else []),
        (339, "H", [kind] * channels),
    ]
    place = 8 + len(data)
    entries, beyond = b"", b""
    for tag, form, numbers in tags:
        value = struct.pack(f"{order}{len(numbers)}{form}", *numbers)
        if len(value) > 4:
            beyond += value
            where = place + 6 + 12 * len(tags) + len(beyond) - len(value)
            value = struct.pack(f"{order}I", where)
        code = 3 if form == "H" else 4
        entries += struct.pack(f"{order}HHI", tag, code, len(numbers)) + value.ljust(4, b"\0")
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", place)
    head = struct.pack(f"{order}H", len(tags))
    return start + data + head + entries + struct.pack(f"{order}I", 0) + beyond


def packed(values, bits):
    """Rows of numbers of so many bits, without gaps; a row ends with a byte."""
    rows = (values.reshape(len(values), -1, 1) >> np.arange(bits)[::-1]) & 1
    return np.packbits(rows.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()
