"""What a video's container says of its frames is applied."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from replicas import write_video

from pipeline.readers.video import video_frames

ONE = 1 << 16
MATRICES = {
    "as it is": (1, 0, 0, 1),
    "90 degrees": (0, 1, -1, 0),
    "180 degrees": (-1, 0, 0, -1),
    "270 degrees": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "mirrored, 90 degrees": (0, 1, 1, 0),
    "mirrored, 270 degrees": (0, -1, -1, 0),
}


def first_frame(path, tone=(0.0, 100.0)):
    return next(iter(video_frames(path, [0], tone)))[1]


@pytest.mark.parametrize("name", MATRICES)
def test_frames_stand_upright_as_the_container_says(tmp_path, name):
    path = write_video(tmp_path / "x.mp4", 2, colour=True)
    stored = first_frame(path)
    a, b, c, d = MATRICES[name]
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    matrix = struct.pack(">9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)
    data[place : place + 36] = matrix
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(data)
    expected = {}
    for y, line in enumerate(stored):
        for x, pixel in enumerate(line):
            expected[b * x + d * y, a * x + c * y] = pixel
    rows, columns = (sorted({key[axis] for key in expected}) for axis in (0, 1))
    image = np.array([[expected[row, column] for column in columns] for row in rows])
    assert np.array_equal(first_frame(turned), image)


def test_a_sensors_twelve_bits_of_colour_are_not_black(tmp_path):
    ramp = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint16) * 36
    values = np.dstack([ramp, ramp[::-1], 3960 - ramp]).astype(np.uint16)
    with av.open(tmp_path / "x.mkv", "w") as container:
        stream = container.add_stream("ffv1", Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gbrp16le"
        frame = av.VideoFrame.from_ndarray(values, format="rgb48le").reformat(format="gbrp16le")
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    image = first_frame(tmp_path / "x.mkv")
    assert np.abs(image - values / values.max() * 255).max() <= 1
