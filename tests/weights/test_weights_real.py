"""The real registry, through whatever source this machine reaches."""

from pathlib import Path

import pytest

from pipeline.weights import load_registry
from pipeline.weights.verify import mismatch

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["face_mesh_468", "selfie_segmentation", "yolo11n_pose"])
def test_real_files_come_as_their_entries_say(weight_file, name):
    assert mismatch(weight_file(name), load_registry(ROOT / "weights.yaml")[name]) is None
