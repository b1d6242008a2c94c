"""Decoding agrees with itself, and costs what the file's own bytes cost."""

import random
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from foreign_files import COLOUR, GREY, chunk, foreign, png, saved, tiff
from PIL import Image

from pipeline.ops.codec import MOST_PX_A_SIDE, decode, encode_jpeg, encode_png
from pipeline.ops.containers import UndecodableError

NOISE = np.random.default_rng(3).integers(0, 256, (24, 32, 3), np.uint8)
SOUND = {
    "png": saved(COLOUR, "PNG"),
    "png of notes": png(COLOUR, 2, chunk(b"tEXt", b"Author\0nobody")),
    "png of opacity": saved(np.dstack([COLOUR, GREY]), "PNG"),
    "png of 16 bits": png(GREY.astype(np.uint16) * 250, 0),
    "png of 8 bits, grey": encode_png(GREY),
    "jpeg": encode_jpeg(NOISE, 90),
    "jpeg, progressive": saved(NOISE, "JPEG", progressive=True),
    "jpeg, grey": encode_jpeg(GREY, 90),
    "jpeg, cmyk": saved(Image.fromarray(NOISE).convert("CMYK"), "JPEG"),
    "bmp": saved(COLOUR, "BMP"),
    "gif": saved(GREY, "GIF"),
    "tiff": saved(COLOUR, "TIFF"),
    "tiff, deflated": saved(COLOUR, "TIFF", compression="tiff_deflate"),
    "tiff of 16 bits": tiff(GREY.astype(np.uint16) * 250),
    "webp": saved(COLOUR, "WEBP"),
    "jpeg2000": saved(COLOUR, "JPEG2000"),
    "ppm": saved(COLOUR, "PPM"),
}


def stored(data):
    """What ``ingest`` would write of a file: None where it is rejected."""
    try:
        found = foreign(data)
    except UndecodableError:
        return None
    return found.image, found.data or encode_png(found.image)


def check(data):
    kept = stored(data)
    if kept is not None:
        image, written = kept
        assert image.dtype == np.uint8
        assert np.array_equal(decode(written), image)
    return kept


def damaged(data, rng):
    """A file with bytes flipped, cut out, doubled, or its end missing."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[place : place + rng.randrange(1, 20)]
        elif kind == 2:
            data[place:place] = bytes(rng.choice((0, 255)) for _ in range(rng.randrange(1, 8)))
        else:
            del data[place:]
        if not data:
            break
    return bytes(data)


@pytest.mark.parametrize("name", SOUND)
def test_what_is_kept_of_a_damaged_file_is_what_decode_reads(name):
    assert check(SOUND[name]) is not None
    rng = random.Random(name)
    for _ in range(150):
        check(damaged(SOUND[name], rng))


@pytest.mark.parametrize("name", ["png", "jpeg", "png of 8 bits, grey"])
def test_every_cut_of_a_file_has_one_verdict(name):
    for end in range(0, len(SOUND[name]), 7):
        check(SOUND[name][:end])


def test_a_png_without_its_end_mark_is_mended_and_kept():
    found = foreign(png(COLOUR, 2, end=False))
    assert np.array_equal(found.image, COLOUR)
    assert np.array_equal(decode(found.data), COLOUR)


def test_a_wrong_checksum_of_sound_pixels_is_mended_one_of_others_is_told():
    whole = SOUND["png"]
    place = whole.index(b"IDAT")
    end = place + 4 + int.from_bytes(whole[place - 4 : place], "big")
    mended = foreign(whole[:end] + bytes(4) + whole[end + 4 :])
    assert np.array_equal(decode(mended.data), COLOUR)
    hurt = bytearray(whole)
    hurt[end - 6] ^= 1  # of the compressed pixels
    with pytest.raises(UndecodableError) as caught:
        foreign(bytes(hurt))
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize("kind", [b"tEXt", b"IDAT", b"iCCP", b"abCd"])
def test_a_chunk_length_of_four_gigabytes_takes_no_memory(kind):
    start = png(COLOUR, 2)[: 8 + 25]
    bomb = start + b"\xff\xff\xff\xf0" + kind + bytes(58_000)
    tracemalloc.start()
    with pytest.raises(UndecodableError):
        foreign(bomb)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_pixels_that_unpack_to_more_than_the_header_says_take_no_memory():
    header = png(COLOUR, 2)[:33]
    bomb = header + chunk(b"IDAT", zlib.compress(bytes(200 << 20), 9), wrong=1)
    tracemalloc.start()
    with pytest.raises(UndecodableError):
        foreign(bomb + chunk(b"IEND", b""))
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_a_progressive_jpeg_of_a_thousand_scans_is_refused():
    data = SOUND["jpeg, progressive"]
    place = data.rindex(b"\xff\xda")
    with pytest.raises(UndecodableError, match="scans") as caught:
        foreign(data[:place] + data[place:-2] * 1000 + data[-2:])
    assert caught.value.reason == "too_large"


def test_what_lies_behind_or_beside_a_jpegs_pixels_is_no_scan_of_it():
    data = SOUND["jpeg, progressive"]
    starts = b"\xff\xda\0\x02" * 200
    beside = data[:2] + b"\xff\xeb" + (len(starts) + 2).to_bytes(2, "big") + starts + data[2:]
    for held in (data + starts, beside):
        assert np.array_equal(foreign(held).image, decode(data))
    place = data.rindex(b"\xff\xda")
    for between in (b"", b"\xff", b"\xff\xd0", b"\xff\xfe\0\x04\xff\xd9"):
        scans = (between + data[place:-2]) * 101
        with pytest.raises(UndecodableError, match="more than 100 scans"):
            foreign(data[:place] + scans + data[-2:] + bytes(9))


def test_pages_of_a_tiff_that_share_their_tags_cost_what_the_files_bytes_cost():
    """Of a page each four bytes: ten thousand would be 8 GB of tags in a file of 0.8 MB."""
    data, count, most = bytearray(tiff(GREY)), 200, 65_535
    data += bytes(-len(data) % 4)
    (first,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, first)
    places = [len(data) + 4 * number for number in range(count)]
    end = places[0] + 2 + 12 * most
    data += b"\xff\xff\0\0" * ((end - len(data)) // 4 + count + 1)
    struct.pack_into("<I", data, first + 2 + 12 * tags, places[0])
    for place, following in zip(places, [*places[1:], 0], strict=True):
        struct.pack_into("<I", data, place + 2 + 12 * most, following)
    found = foreign(bytes(data))
    assert np.array_equal(found.image, GREY)
    assert found.pages == 2


def test_a_side_that_no_jpeg_can_hold_is_refused():
    assert foreign(encode_png(np.zeros((1, MOST_PX_A_SIDE), np.uint8))).plain
    with pytest.raises(UndecodableError, match="a side is longer"):
        foreign(encode_png(np.zeros((MOST_PX_A_SIDE + 1, 1), np.uint8)))


@pytest.mark.parametrize("file_format", ["DDS", "AVIF", "ICO", "TGA", "SGI", "PCX", "EPS", "ICNS"])
def test_formats_that_are_not_named_are_not_opened(file_format):
    with pytest.raises(UndecodableError) as caught:
        foreign(saved(np.zeros((32, 32, 3), np.uint8), file_format))
    assert caught.value.reason == "not_an_image"
