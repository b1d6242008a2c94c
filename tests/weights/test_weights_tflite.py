"""Networks of TFLite open quietly, and what is none is refused."""

import os

import pytest

from pipeline.errors import WeightsError
from pipeline.weights import tflite


def test_opening_says_nothing(weight_file, capfd):
    network = tflite.open_tflite(weight_file("face_mesh_468"), "the face mesh")
    assert network.get_input_details()[0]["shape"].tolist() == [1, 192, 192, 3]
    assert capfd.readouterr().err == ""


def test_lines_that_are_no_information_are_not_lost(capfd):
    with tflite._without_chatter():
        os.write(2, b"INFO: created\nWARNING: slow\n")
    assert capfd.readouterr().err == "WARNING: slow\n"


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.tflite").write_bytes(b"no network")
    with pytest.raises(WeightsError, match="is not a TFLite network"):
        tflite.open_tflite(tmp_path / "a.tflite", "the face mesh")
    with pytest.raises(WeightsError, match="the face mesh's weights are missing"):
        tflite.open_tflite(tmp_path / "b.tflite", "the face mesh")
