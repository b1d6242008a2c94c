"""Heat as cameras store it: deep values, false colours, FLIR's radiometric JPEG."""

import struct
from types import SimpleNamespace

import cv2
import flyr
import numpy as np
import pytest
from foreign_files import png, saved, tiff
from PIL import Image
from pydantic import ValidationError

from pipeline.ops.codec import decode_foreign
from pipeline.ops.containers import UndecodableError, packed_chunk
from pipeline.ops.heat import stored_values, thermal_image
from pipeline.ops.palettes import PALETTES
from pipeline.params.datasets import DatasetParams, HeatParams

CELSIUS = np.linspace(18.0, 38.0, 12 * 16).reshape(12, 16)
LEVELS = np.rint((CELSIUS - 18) / 20 * 255).astype(np.uint8)
PERCENTILES = (0.0, 100.0)


def encoded(values, extension):
    return cv2.imencode(extension, values)[1].tobytes()


def grey_of(data, decoded=LEVELS, **heat):
    stored = {"palette": "auto", "unit": None, "span_c": None} | heat
    return thermal_image(data, decoded, tone_percentiles=PERCENTILES, **stored)


@pytest.mark.parametrize(
    ("unit", "stored", "extension"),
    [
        ("centikelvin", np.rint((CELSIUS + 273.15) * 100).astype(np.uint16), ".tiff"),
        ("centikelvin", np.rint((CELSIUS + 273.15) * 100).astype(np.uint16), ".png"),
        ("decikelvin", np.rint((CELSIUS + 273.15) * 10).astype(np.uint16), ".tiff"),
        ("kelvin", (CELSIUS + 273.15).astype(np.float32), ".tiff"),
        ("celsius", CELSIUS.astype(np.float32), ".tiff"),
    ],
)
def test_a_fixed_span_makes_equal_temperatures_equal_grey(unit, stored, extension):
    data = encoded(stored, extension)
    np.testing.assert_allclose(stored_values(data, unit), CELSIUS, atol=0.06)
    made = grey_of(data, unit=unit, span_c=(18.0, 38.0))
    assert np.abs(made.astype(int) - LEVELS).max() <= 1
    wider = grey_of(data, unit=unit, span_c=(-2.0, 58.0))
    assert abs(int(wider[0, 0]) - 85) <= 1  # 18 °C: 20 of 60 °C above black


@pytest.mark.parametrize(
    ("unit", "span_c", "range_c"),
    [
        ("centikelvin", (291.0, 311.0), "18.0 to 38.0"),
        ("celsius", (18.0, 38.0), "29115.0 to 31115.0"),
    ],
)
def test_a_unit_or_span_that_leaves_one_grey_is_refused_with_the_range(unit, span_c, range_c):
    data = encoded(np.rint((CELSIUS + 273.15) * 100).astype(np.uint16), ".png")
    with pytest.raises(UndecodableError, match=f"100 % of its values, {range_c} °C") as error:
        grey_of(data, unit=unit, span_c=span_c)
    assert error.value.reason == "outside_span"


def test_values_beside_the_span_are_taken_where_some_lie_in_it():
    values = np.full((10, 20), 5.0, np.float32)
    values[0, :3] = 30.0
    made = grey_of(encoded(values, ".tiff"), unit="celsius", span_c=(18.0, 38.0))
    assert made[0, 0] > 0 == made[1].max()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_unit_applies_to_what_is_stored_even_where_0_is_shown_white(dtype, order):
    kelvin = np.rint(CELSIUS + 273.15).astype(dtype)
    data = tiff(kelvin, order=order, white_is_zero=True)
    np.testing.assert_allclose(stored_values(data, "kelvin"), CELSIUS, atol=0.51)
    made = grey_of(data, unit="kelvin", span_c=(-82.0, 173.0))
    assert np.abs(made - (CELSIUS + 82.0)).max() <= 1.1
    assert (np.diff(grey_of(data)[0].astype(int)) <= 0).all()  # no unit: what is shown bright


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_unit_applies_to_packed_samples_as_they_are(bits):
    unit, per_kelvin = ("kelvin", 1) if bits == 10 else ("decikelvin", 10)
    stored = np.rint((CELSIUS + 273.15) * per_kelvin).astype(np.uint16)
    data = tiff(stored, bits=bits)
    np.testing.assert_allclose(stored_values(data, unit), CELSIUS, atol=0.51 / per_kelvin)
    made = grey_of(data, unit=unit, span_c=(-82.0, 173.0))
    assert np.abs(made - (CELSIUS + 82.0)).max() <= 1.1


CENTIKELVIN = np.rint((CELSIUS + 273.15) * 100).astype(np.uint16)
THREE = np.dstack([CENTIKELVIN] * 3)
WHOLE = np.full_like(CENTIKELVIN, 65535)
DEEP_FILES = {
    "pgm": encoded(CENTIKELVIN, ".pgm"),
    "pgm_of_15_bits": b"P5 16 12 32767\n" + CENTIKELVIN.astype(">u2").tobytes(),
    "pgm_in_words": b"P2 16 12 32767\n" + b" ".join(b"%d" % each for each in CENTIKELVIN.flat),
    "ppm": encoded(THREE, ".ppm"),
    "jp2": saved(CENTIKELVIN, "JPEG2000"),
    "big_tiff": saved(CENTIKELVIN, "TIFF", big_tiff=True),
    "tiff_of_32_bits": tiff(CENTIKELVIN.astype(np.uint32)),
    "tiff_of_3": tiff(THREE),
    "png_of_3": encoded(THREE, ".png"),
    "png_of_2": png(np.dstack([CENTIKELVIN, WHOLE]), 4),
}


@pytest.mark.parametrize("name", DEEP_FILES)
def test_a_span_holds_for_whatever_kind_of_file_is_deep(name):
    data = DEEP_FILES[name]
    decoded = decode_foreign(data, max_pixels=10**6, tone_percentiles=PERCENTILES).image
    made = grey_of(data, decoded, unit="centikelvin", span_c=(-2.0, 58.0))
    expected = grey_of(encoded(CENTIKELVIN, ".png"), unit="centikelvin", span_c=(-2.0, 58.0))
    np.testing.assert_array_equal(made, expected)
    with pytest.raises(UndecodableError, match="unit"):
        grey_of(data, decoded, span_c=(-2.0, 58.0))


def test_what_is_transparent_is_the_coldest():
    opacity = WHOLE.copy()
    opacity[3, 4] = 0
    made = grey_of(png(np.dstack([CENTIKELVIN, opacity]), 4), unit="centikelvin")
    assert made[3, 4] == 0
    assert (made == 0).sum() == 2


def test_deep_false_colours_and_shallow_files_of_any_kind_are_no_values():
    ironbow = PALETTES["ironbow"]()[LEVELS]
    assert stored_values(png(ironbow.astype(np.uint16) * 257, 2), "celsius") is None
    shallow = [encoded(LEVELS, name) for name in (".pgm", ".tiff", ".bmp")]
    shallow += [saved(LEVELS, "JPEG2000"), saved(LEVELS, "TIFF", big_tiff=True)]
    assert all(stored_values(data, "celsius") is None for data in shallow)


def test_without_a_span_each_image_has_its_own():
    data = encoded((CELSIUS * 100).astype(np.uint16), ".png")
    made = grey_of(data)
    assert (made.min(), made.max()) == (0, 255)


def test_one_temperature_everywhere_is_black_and_no_error():
    data = encoded(np.full((12, 16), 30000, np.uint16), ".tiff")
    assert not grey_of(data).any()


def test_what_is_no_number_is_the_coldest():
    values = CELSIUS.astype(np.float32)
    values[0, 0] = np.nan
    made = grey_of(encoded(values, ".tiff"), unit="celsius", span_c=(18.0, 38.0))
    assert made[0, 0] == 0


def test_a_span_needs_a_unit():
    data = encoded((CELSIUS * 100).astype(np.uint16), ".png")
    with pytest.raises(UndecodableError, match="unit") as error:
        grey_of(data, span_c=(18.0, 38.0))
    assert error.value.reason == "unknown_unit"


@pytest.mark.parametrize("palette", ["auto", "ironbow"])
def test_false_colours_become_heat(palette):
    made = grey_of(b"\x89PNG", PALETTES["ironbow"]()[LEVELS], palette=palette)
    assert np.abs(made.astype(int) - LEVELS).max() <= 1


def test_grey_is_taken_as_it_is_and_black_hot_by_its_name():
    assert grey_of(b"\x89PNG") is LEVELS
    np.testing.assert_array_equal(grey_of(b"\x89PNG", palette="black_hot"), 255 - LEVELS)


def test_a_visible_image_named_lwir_is_told_unless_its_colours_are_wanted():
    visible = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    with pytest.raises(UndecodableError, match="palette") as error:
        grey_of(b"\x89PNG", visible)
    assert error.value.reason == "unknown_palette"
    assert grey_of(b"\x89PNG", visible, palette="none") is visible


def radiometric():
    """A JPEG with a block of FLIR's that holds nothing which flyr knows."""
    plain = encoded(LEVELS, ".jpg")
    block = b"FLIR\x00\x01\x00\x00" + b"FFF\x00" + bytes(64)
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]


def test_a_radiometric_jpeg_is_read_as_temperatures(monkeypatch):
    read = SimpleNamespace(celsius=CELSIUS)
    monkeypatch.setattr(flyr, "unpack", lambda stream: read)
    made = grey_of(radiometric(), span_c=(18.0, 38.0))
    assert np.abs(made.astype(int) - LEVELS).max() <= 1


def test_a_radiometric_file_of_an_unknown_camera_is_told():
    with pytest.raises(UndecodableError, match="flyr") as error:
        grey_of(radiometric())
    assert error.value.reason == "unknown_camera"


@pytest.mark.parametrize("maker", ["FLIR", "Teledyne FLIR"])
def test_false_colours_of_a_camera_of_flirs_are_no_radiometric_file(maker):
    exif = Image.Exif()
    exif[0x010F] = maker  # EXIF ends it by a zero, as FLIR does its own blocks' name
    data = saved(PALETTES["inferno"]()[LEVELS], "JPEG", quality=95, exif=exif)
    assert b"FLIR\0" in data
    made = grey_of(data, PALETTES["inferno"]()[LEVELS])
    assert np.abs(made.astype(int) - LEVELS).max() <= 1


def test_params_say_what_is_wrong():
    with pytest.raises(ValidationError, match="below the second"):
        HeatParams(span_c=(38.0, 18.0))
    with pytest.raises(ValidationError, match="expected one of"):
        HeatParams(palette="pink")
    with pytest.raises(ValidationError, match="videos"):
        DatasetParams(reader="ijb_mdf", root="x", shards=1, heat=HeatParams())


EXIF_6 = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, 6, 0)
"""The camera lay on its side: what is stored as the first column is seen as the top row."""


def upright(stored):
    return np.rot90(stored, -1)


def test_deep_heat_of_a_camera_on_its_side_is_upright():
    png = encoded(np.rint(CELSIUS * 100).astype(np.uint16), ".png")
    turned = png[:33] + packed_chunk(b"eXIf", EXIF_6) + png[33:]
    made = grey_of(turned, span_c=(1800.0, 3800.0), unit="celsius")
    assert np.abs(made.astype(int) - upright(LEVELS)).max() <= 1
    other = decode_foreign(turned, max_pixels=10**6, tone_percentiles=PERCENTILES).image
    assert np.abs(made.astype(int) - other).max() <= 1


def test_deep_heat_whose_checksum_alone_is_wrong_is_still_heat():
    png = bytearray(encoded(np.rint(CELSIUS * 100).astype(np.uint16), ".png"))
    png[png.index(b"IEND") - 5] ^= 255
    made = grey_of(bytes(png), np.zeros_like(LEVELS), span_c=(1800.0, 3800.0), unit="celsius")
    assert np.abs(made.astype(int) - LEVELS).max() <= 1


def test_a_radiometric_jpeg_of_a_camera_on_its_side_is_upright(monkeypatch):
    monkeypatch.setattr(flyr, "unpack", lambda stream: SimpleNamespace(celsius=CELSIUS))
    data, block = radiometric(), b"Exif\0\0" + EXIF_6
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    made = grey_of(data, span_c=(18.0, 38.0))
    assert np.abs(made.astype(int) - upright(LEVELS)).max() <= 1
