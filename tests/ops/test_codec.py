"""Images from outside: whatever comes becomes upright 8-bit grey or RGB, or a reason."""

import io
import re
import zlib
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pipeline.ops.codec import (
    UndecodableError,
    as_rgb,
    decode,
    decode_foreign,
    decode_rgb,
    encode_jpeg,
    encode_png,
    tone_map,
)

RAMP = np.arange(96, dtype=np.uint8).reshape(8, 12)
COLOUR = np.dstack([RAMP, RAMP[::-1], RAMP + 100])


def foreign(data, **options):
    return decode_foreign(
        data, **{"max_pixels": 10**6, "tone_percentiles": (0.0, 100.0), **options}
    )


def encoded(array_or_image, file_format, **options):
    image = array_or_image
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("image", [RAMP, COLOUR])
def test_png_is_kept_as_it_is(image):
    found = foreign(encoded(image, "PNG"))
    assert found.plain
    assert np.array_equal(found.image, image)


def test_jpeg_is_kept_as_it_is():
    data = encode_jpeg(COLOUR, 95)
    assert foreign(data).plain
    assert foreign(data).image.shape == COLOUR.shape


@pytest.mark.parametrize("file_format", ["BMP", "TIFF", "WEBP", "PPM"])
def test_other_formats_are_decoded_and_encoded_anew(file_format):
    options = {"lossless": True} if file_format == "WEBP" else {}
    found = foreign(encoded(COLOUR, file_format, **options))
    assert not found.plain
    assert np.array_equal(found.image, COLOUR)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, RAMP),
        (3, RAMP[::-1, ::-1]),
        (6, np.rot90(RAMP, -1)),
        (8, np.rot90(RAMP)),
        (2, RAMP[:, ::-1]),
    ],
)
def test_exif_orientation_is_applied(orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = foreign(encoded(RAMP, "PNG", exif=exif))
    assert np.array_equal(found.image, expected)
    assert found.plain == (orientation == 1)


def test_sixteen_bit_grey_is_mapped_between_its_percentiles():
    deep = (np.arange(101, dtype=np.uint16) * 40 + 3000).reshape(1, 101)
    found = foreign(encoded(deep, "PNG"), tone_percentiles=(10.0, 90.0))
    assert not found.plain
    assert found.image.dtype == np.uint8
    assert found.image[0, :11].max() == 0
    assert found.image[0, 90:].min() == 255
    assert found.image[0, 50] == 128


def test_sixteen_bit_colour_is_not_kept_as_it_is():
    # Pillow cannot write 16-bit RGB, so the PNG is put together by hand: one row of one pixel.
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    pixel = b"\x00" + b"\x80\x00\x40\x00\x20\x00"
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixel))
        + chunk(b"IEND", b"")
    )
    found = foreign(data)
    assert not found.plain
    assert found.image.tolist() == [[[0x80, 0x40, 0x20]]]


def test_transparency_is_laid_on_black():
    rgba = np.dstack([COLOUR, np.full(RAMP.shape, 255, np.uint8)])
    rgba[0, :, 3] = 0
    found = foreign(encoded(rgba, "PNG"))
    assert not found.plain
    assert not found.image[0].any()
    assert np.array_equal(found.image[1:], COLOUR[1:])


def test_grey_with_transparency_stays_grey():
    grey = np.dstack([RAMP, np.full(RAMP.shape, 255, np.uint8)])
    found = foreign(encoded(Image.fromarray(grey, "LA"), "PNG"))
    assert np.array_equal(found.image, RAMP)


def test_palette_and_cmyk_become_colour():
    palette = Image.fromarray(COLOUR).convert("P")
    assert foreign(encoded(palette, "PNG")).image.shape == (8, 12, 3)
    cmyk = Image.fromarray(COLOUR).convert("CMYK")
    found = foreign(encoded(cmyk, "JPEG"))
    assert found.image.shape == (8, 12, 3)
    assert not found.plain


def test_one_bit_becomes_grey():
    assert set(np.unique(foreign(encoded(Image.new("1", (4, 4), 1), "PNG")).image)) == {255}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"this is a text, not an image", "not_an_image"),
        (encode_png(COLOUR)[:60], "truncated"),
        (encode_jpeg(np.tile(COLOUR, (9, 9, 1)), 90)[:-200], "truncated"),
        (b"\xff\xd8\xff", "not_an_image"),
    ],
)
def test_what_is_no_image_has_a_reason(data, reason):
    with pytest.raises(UndecodableError) as caught:
        foreign(data)
    assert caught.value.reason == reason


def test_an_enormous_image_is_refused_before_it_is_decoded():
    # A 20,000 × 20,000 PNG of one colour is small; decoded it would take 1.2 GB.
    header = encoded(Image.new("1", (20000, 20000)), "PNG")
    with pytest.raises(UndecodableError, match=r"20000 × 20000 = 400 megapixels") as caught:
        foreign(header, max_pixels=100 * 10**6)
    assert caught.value.reason == "too_large"


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(data):
    for prefix in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"II*\x00", b"BM"):
        try:
            image = foreign(prefix + data).image
        except UndecodableError:
            continue
        assert image.dtype == np.uint8


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_png_round_trip(image):
    assert np.array_equal(decode(encode_png(image)), image)
    assert np.array_equal(decode(encode_png(image[..., 0])), image[..., 0])
    assert np.array_equal(decode_rgb(encode_png(image[..., 0])), as_rgb(image[..., 0]))


def test_jpeg_keeps_colour_at_full_resolution():
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    assert np.abs(decode(encode_jpeg(stripes, 98)).astype(int) - stripes).max() < 30


def test_tone_map_of_flat_and_broken_values():
    assert not tone_map(np.full((2, 2), 7.0), (0, 100)).any()
    assert not tone_map(np.full((2, 2), np.nan), (0, 100)).any()
    assert tone_map(np.array([[0.0, np.inf, 10.0]]), (0, 100)).tolist() == [[0, 0, 255]]


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_a_grey_that_is_said_to_be_transparent_lies_on_black(file_format):
    found = foreign(encoded(RAMP + 40, file_format, transparency=90)).image
    grey = found if found.ndim == 2 else found[..., 0]
    if file_format == "PNG":
        assert found.ndim == 2
        assert np.array_equal(grey, np.where(RAMP + 40 == 90, 0, RAMP + 40))
    assert grey.min() == 0
    assert np.count_nonzero(grey == 0) == 1


def test_white_that_is_said_to_be_transparent_lies_on_black_in_an_image_of_one_bit():
    bits = Image.fromarray(np.array([[0, 255, 255], [255, 0, 0]], np.uint8)).convert("1")
    assert not foreign(encoded(bits, "PNG", transparency=1)).image.any()


@pytest.mark.parametrize(
    "image",
    [
        np.full((8, 8), 0.5, np.float32),  # OpenCV stores 0
        np.zeros((8, 8), np.uint16),
        np.zeros((8, 8, 4), np.uint8),  # and leaves out what it can't hold
        np.zeros((8, 8, 1), np.uint8),
        np.zeros((0, 8), np.uint8),
    ],
)
def test_what_is_no_image_of_8_bits_is_not_encoded(image):
    words = re.escape(f"expected uint8 (h, w, 3) or (h, w), got {image.dtype} {image.shape}")
    for encode in (encode_png, partial(encode_jpeg, quality=90)):
        with pytest.raises(ValueError, match=words):
            encode(image)


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_that_is_none_is_told(quality):
    with pytest.raises(ValueError, match=f"JPEG quality {quality}: expected 1 to 100"):
        encode_jpeg(RAMP, quality)
