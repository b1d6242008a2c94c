"""What stands beside the pixels is applied where it is sound, and no fault of theirs where not."""

import io
import struct
import zlib

import numpy as np
import pytest
from foreign_files import COLOUR, GREY, chunk, exif_of, foreign, png, saved, tiff
from PIL import Image, ImageCms

from pipeline.ops.codec import decode, encode_jpeg
from pipeline.ops.containers import UndecodableError

TURNED = {
    1: COLOUR,
    2: COLOUR[:, ::-1],
    3: COLOUR[::-1, ::-1],
    4: COLOUR[::-1],
    5: COLOUR.swapaxes(0, 1),
    6: np.rot90(COLOUR, -1),
    7: np.rot90(COLOUR, 2).swapaxes(0, 1),
    8: np.rot90(COLOUR),
}
DEEP = np.add.outer(np.arange(24), np.arange(32)).astype(np.uint16) * 70
"""12 bits in 16: 0 to 3780."""
MAPPED = foreign(png(DEEP, 0)).image


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_in_every_format(file_format, orientation):
    options = {"WEBP": {"lossless": True}}.get(file_format, {})
    if file_format == "TIFF":
        data = tiff(COLOUR, orientation=orientation)
    else:
        data = saved(COLOUR, file_format, exif=exif_of(orientation), **options)
    assert np.array_equal(foreign(data).image, TURNED[orientation])


@pytest.mark.parametrize("orientation", TURNED)
def test_orientation_of_a_jpeg_and_of_deep_images_is_applied(orientation):
    flat = np.dstack([GREY // 2] * 3)
    stored = saved(flat, "JPEG", quality=95, exif=exif_of(orientation))
    upright = {1: flat, 2: flat[:, ::-1], 3: flat[::-1, ::-1], 4: flat[::-1]}
    upright |= {5: flat.swapaxes(0, 1), 6: np.rot90(flat, -1)}
    upright |= {7: np.rot90(flat, 2).swapaxes(0, 1), 8: np.rot90(flat)}
    found = foreign(stored).image.astype(int)
    assert np.abs(found - upright[orientation]).max() < 12
    deep = foreign(png(DEEP, 0, chunk(b"eXIf", exif_of(orientation)[6:]))).image
    assert deep.shape == upright[orientation].shape[:2]
    assert np.array_equal(deep, foreign(tiff(DEEP, orientation=orientation)).image)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["u2", "i2", "i4", "f4", "f8"])
def test_deep_tiffs_of_both_byte_orders_are_right_way_round(order, kind):
    values = DEEP.astype(kind)
    assert np.array_equal(foreign(tiff(values, order=order)).image, MAPPED)
    negative = foreign(tiff(values.max() - values, order=order, white_is_zero=True)).image
    assert np.abs(negative.astype(int) - MAPPED).max() <= 1


@pytest.mark.parametrize("orientation", TURNED)
def test_the_least_of_eight_signed_bits_is_black(orientation):
    signed = (GREY.astype(int) - 128).astype(np.int8)
    found = foreign(tiff(signed, orientation=orientation)).image
    assert np.array_equal(found, foreign(tiff(GREY, orientation=orientation)).image)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_colour_tiffs_of_both_byte_orders_are_read(order, kind):
    values = (COLOUR.astype(kind) * {"u1": 1, "u2": 257, "f4": 1}[kind]).astype(kind)
    found = foreign(tiff(values, order=order), tone_percentiles=(0.0, 100.0)).image
    assert np.abs(found.astype(int) - COLOUR).max() <= 1


@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
@pytest.mark.parametrize("opaque", [4095, 65535])
def test_twelve_bits_in_sixteen_are_not_black(channels, colour_type, opaque):
    values = np.dstack([DEEP] * (channels - (channels in (2, 4))))
    if channels in (2, 4):
        values = np.dstack([values, np.full(DEEP.shape, opaque, np.uint16)])
    found = foreign(png(np.squeeze(values), colour_type)).image
    assert found.ndim == (3 if channels > 2 else 2)
    shown = found[..., 0] if found.ndim == 3 else found
    assert np.abs(shown.astype(int) - MAPPED).max() <= 1


def test_true_sixteen_bits_of_colour_keep_their_upper_eight():
    values = np.dstack([np.full((4, 4), v, np.uint16) for v in (0x8000, 0x4000, 0x20FF)])
    assert foreign(png(values, 2)).image[0, 0].tolist() == [0x80, 0x40, 0x20]


@pytest.mark.parametrize("size", [(160, 120), (1600, 1200), (16, 16)])
def test_a_jpeg_whose_size_holds_a_sixteen_is_kept_as_it_is(size):
    data = encode_jpeg(np.full((size[1], size[0], 3), 90, np.uint8), 90)
    assert foreign(data, max_pixels=10**7).data == data


def wide_profile():
    """A profile whose red is further out than sRGB's."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    place = lab.find(b"rXYZ")
    start = int.from_bytes(lab[place + 4 : place + 8], "big") + 8
    wide = bytearray(lab)
    wide[start : start + 4] = int(0.60 * 65536).to_bytes(4, "big")
    return bytes(wide), lab


def test_a_wide_profile_is_converted_and_srgb_is_kept():
    wide, own = wide_profile()
    plain = foreign(saved(COLOUR, "PNG", icc_profile=own))
    assert plain.plain
    assert np.array_equal(plain.image, COLOUR)
    for data in (
        saved(COLOUR, "PNG", icc_profile=wide),
        saved(COLOUR, "WEBP", lossless=True, icc_profile=wide),
        saved(COLOUR, "TIFF", icc_profile=wide),
    ):
        found = foreign(data)
        assert not found.plain
        reds = found.image[..., 0].astype(int) - COLOUR[..., 0]
        assert reds.max() > 10  # more of the light that sRGB's red has


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_a_wide_profile_is_converted_under_opacity_too(file_format):
    wide, _ = wide_profile()
    seen = foreign(saved(COLOUR, "PNG", icc_profile=wide)).image
    opacity = np.full(COLOUR.shape[:2], 255, np.uint8)
    opacity[:4] = 0
    found = foreign(saved(np.dstack([COLOUR, opacity]), file_format, icc_profile=wide)).image
    assert np.array_equal(found[4:], seen[4:])
    assert not found[:4].any()


def test_a_wide_profile_is_converted_in_a_palette_too():
    wide, _ = wide_profile()
    few = Image.fromarray(COLOUR).quantize(64)
    seen = foreign(saved(np.asarray(few.convert("RGB")), "PNG", icc_profile=wide)).image
    for options, first in (({}, seen[0, 0].tolist()), ({"transparency": few.getpixel((0, 0))}, 0)):
        stored = io.BytesIO()
        few.save(stored, "PNG", icc_profile=wide, **options)
        found = foreign(stored.getvalue()).image
        there = np.asarray(few) != few.getpixel((0, 0))
        assert np.array_equal(found[there], seen[there])
        assert (found[0, 0] == first).all()


@pytest.mark.parametrize(
    "beside",
    [
        chunk(b"eXIf", b"\x00\x08\x00\x02\x01\x12\x00\x03"),
        chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff"),
        chunk(b"eXIf", b""),
        chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        chunk(b"zTXt", b"Comment\0\0" + b"no zlib stream"),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 40_000_000)),
        chunk(b"iCCP", b"broken\0\0" + b"no zlib stream"),
        chunk(b"iCCP", b"broken\0\0" + zlib.compress(b"no profile" * 30)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0"),
        chunk(b"gAMA", b"\0\0\xb1\x8f", wrong=1),
    ],
)
def test_a_fault_beside_the_pixels_of_a_png_is_none_of_theirs(beside):
    found = foreign(png(COLOUR, 2, beside))
    assert found.plain
    assert np.array_equal(found.image, COLOUR)
    assert np.array_equal(decode(found.data), COLOUR)
    Image.open(io.BytesIO(found.data)).load()


@pytest.mark.parametrize(
    "beside",
    [
        [chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(wide_profile()[1]))],
        [chunk(b"iCCP", b"broken\0\0" + zlib.compress(b"no profile" * 30))],
        [chunk(b"gAMA", b"\0\0\xb1")],
        [chunk(b"gAMA", b"\xff\xff\xff\xff")],
        [chunk(b"sRGB", b"\x09")],
        [chunk(b"sBIT", b"\x09")],
        [chunk(b"bKGD", b"\x08")],
        [chunk(b"tIME", b"\xff" * 7)],
        [chunk(b"tEXt", b"\0")],
        [chunk(b"pHYs", b"\0\0\x0b\x13\0\0\x0b\x13\x01")] * 2,
    ],
)
def test_a_png_is_stored_so_that_libpng_is_silent_of_it(beside, capfd):
    found = foreign(png(GREY, 0, b"".join(beside)))
    assert np.array_equal(decode(found.data), GREY)
    assert capfd.readouterr().err == ""  # libpng is in C: it writes past sys.stderr


def test_a_png_keeps_what_nobody_stumbles_over():
    told = chunk(b"sRGB", b"\0") + chunk(b"pHYs", b"\0\0\x0b\x13\0\0\x0b\x13\x01")
    data = png(COLOUR, 2, told + chunk(b"tEXt", b"Author\0anna"))
    assert foreign(data).data == data


@pytest.mark.parametrize("exif", [b"garbage", b"MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0"])
def test_a_fault_beside_the_pixels_of_jpeg_and_webp_is_none_of_theirs(exif):
    found = foreign(saved(COLOUR, "WEBP", lossless=True, exif=exif))
    assert np.array_equal(found.image, COLOUR)
    data = encode_jpeg(COLOUR, 95)
    block = exif if exif.startswith(b"Exif") else b"Exif\0\0" + exif
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    profile = b"\xff\xe2\x00\x20ICC_PROFILE\0\x01\x01" + b"no profile at all"[:16]
    hurt = foreign(data[:2] + segment + profile + data[2:])
    assert hurt.plain
    assert np.array_equal(hurt.image, decode(data))


def test_further_pages_are_counted():
    pages = [Image.fromarray(GREY), Image.fromarray(255 - GREY), Image.fromarray(GREY)]
    for file_format in ("TIFF", "GIF", "PNG", "WEBP"):
        data = saved(pages[0], file_format, save_all=True, append_images=pages[1:])
        assert foreign(data).pages == 3, file_format
    assert foreign(saved(pages[0], "TIFF")).pages == 1


def with_index(kinds, images, order="<"):
    """A JPEG and others behind it, with an index of their types."""
    first, *others = images
    size = 4 + 8 + 2 + 12 + 4 + 16 * len(images)
    offsets, place = [0], len(first) + 4 + size - 10  # from behind the marker, length and mark
    for other in others:
        offsets.append(place)
        place += len(other)
    entries = [
        struct.pack(f"{order}IIIHH", kind, len(image), offset, 0, 0)
        for kind, image, offset in zip(kinds, images, offsets, strict=True)
    ]
    tags = struct.pack(f"{order}HHHIII", 1, 0xB002, 7, 16 * len(images), 26, 0)
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    body = b"MPF\0" + head + tags + b"".join(entries)
    segment = b"\xff\xe2" + (len(body) + 2).to_bytes(2, "big") + body
    return first[:2] + segment + first[2:] + b"".join(others)


@pytest.mark.parametrize(
    ("kinds", "pages"),
    [
        ([0x20002, 0x20002], 2),  # stereo
        ([0x20030000, 0x20003, 0x40020003], 3),  # several angles, with flags
        ([0x20030000, 0x10001, 0x10002], 1),  # a camera's large thumbnails
        ([0x30000, 0, 0], 2),  # undefined: one of the same size, and a phone's gain map
    ],
)
@pytest.mark.parametrize("order", "<>")
def test_further_images_of_a_jpeg_are_counted(kinds, pages, order):
    images = [encode_jpeg(each, 95) for each in (COLOUR, COLOUR[::-1], GREY[::2, ::2])]
    data = with_index(kinds, images[: len(kinds)], order)
    found = foreign(data)
    assert (found.pages, found.data) == (pages, data)
    assert foreign(data[: -sum(map(len, images[1 : len(kinds)]))]).pages == 1  # cut off
    place = data.index(b"MPF")
    for end in range(place, place + 60, 3):  # a damaged index is no fault of the pixels
        assert foreign(data[:end] + b"\xfe" * 3 + data[end + 3 :]).pages <= 3


def test_further_images_that_pillow_writes_are_counted():
    pages = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1])]
    assert foreign(saved(pages[0], "MPO", save_all=True, append_images=pages[1:])).pages == 2


def test_reasons_hold_no_addresses_and_nothing_that_differs():
    faulty = [
        *(b"II*\0" + bytes(40), b"RIFF\0\0\0\0WEBPVP8 ", b"GIF89a\x01", b"BM" + bytes(30)),
        *(saved(COLOUR, name)[:-40] for name in ("PNG", "JPEG", "TIFF", "WEBP", "JPEG2000")),
    ]
    for data in faulty:
        told = []
        for _ in range(2):
            with pytest.raises(UndecodableError) as caught:
                foreign(bytes(data))
            told.append(str(caught.value))
        assert told[0] == told[1]
        assert not any(word in told[0] for word in ("0x", "object", "BytesIO", "Error"))
