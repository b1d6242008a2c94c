"""Where memory is short a sound image is not called broken, and a hostile one gets none."""

import cv2
import numpy as np
import pytest
from foreign_files import COLOUR, chunk, foreign, png, saved, tiff
from PIL import Image
from short_memory import memory_left, printed

from pipeline.ops.codec import decode
from pipeline.ops.containers import UndecodableError, read_jpeg
from pipeline.ops.heat import stored_values
from pipeline.ops.memory import check_memory
from pipeline.ops.tiff import read_tiff

LARGE_HW = (5000, 6000)


DECODE = """
import sys
from pathlib import Path

from foreign_files import foreign
from short_memory import memory_left

small, large = (Path(name).read_bytes() for name in sys.argv[1:])
foreign(small)  # what is loaded once is loaded
with memory_left(60 << 20):
    try:
        foreign(large, max_pixels=10**8)
    except MemoryError:
        print("short")
"""
"""Decode two files, the second with little memory left."""


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("JPEG", {"progressive": True}), ("TIFF", {"compression": "tiff_deflate"})],
)
def test_a_large_image_without_memory_is_no_broken_one(tmp_path, file_format, options):
    files = [tmp_path / "small", tmp_path / "large"]
    for file, image in zip(files, (COLOUR, Image.new("RGB", LARGE_HW[::-1])), strict=True):
        file.write_bytes(saved(image, file_format, **options))
    assert printed(DECODE, *files) == "short\n"


def test_a_lack_that_opencv_names_is_told_wherever_it_decodes(monkeypatch):
    def short(*_):
        error = cv2.error("no memory")
        error.code = cv2.Error.StsNoMem
        raise error

    deep = np.full((4, 4), 300, np.uint16)
    files = [png(deep, 0), tiff(deep), saved(COLOUR, "JPEG")]
    monkeypatch.setattr(cv2, "imdecode", short)
    for data in files:
        with pytest.raises(MemoryError):
            foreign(data)
    with pytest.raises(MemoryError):
        decode(files[2])
    with pytest.raises(MemoryError):
        stored_values(files[0], None)


def test_a_broken_file_is_told_where_there_is_memory():
    check_memory(LARGE_HW)
    with pytest.raises(UndecodableError) as caught:
        foreign(saved(COLOUR, "PNG")[:-60])
    assert caught.value.reason == "truncated"


def test_a_second_header_of_a_png_gets_no_memory():
    data = saved(COLOUR, "PNG")
    wide = chunk(b"IHDR", np.array([65_000, 65_000], ">u4").tobytes() + bytes([8, 2, 0, 0, 0]))
    noted = chunk(b"zTXt", b"Comment\0\0no zlib stream")
    with memory_left(1 << 30), pytest.raises(UndecodableError) as caught:
        foreign(data[:33] + wide + noted + data[33:])
    assert caught.value.reason == "too_large"


def test_of_a_width_that_a_tiff_gives_twice_the_first_counts():
    data = bytearray(tiff(np.full((4, 6), 300, np.uint16)))
    start = int.from_bytes(data[4:8], "little") + 2
    last = start + 12 * (int.from_bytes(data[start - 2 : start], "little") - 1)
    data[last : last + 12] = data[start : start + 8] + (3).to_bytes(4, "little")
    assert read_tiff(bytes(data)).hw == (4, 6)


def test_a_zero_behind_0xff_hides_no_header_of_a_jpeg():
    data = saved(COLOUR, "JPEG")
    hidden = data[:2] + b"\xff\0\x10\0" + data[2:]
    assert np.array_equal(decode(hidden), decode(data))
    assert read_jpeg(hidden).hw == COLOUR.shape[:2]
