"""Sheets of scenes: what they say."""

import cv2
import numpy as np

from pipeline.ops.codec import encode_png
from pipeline.report.scene_sheet import scene_sheet


def test_a_sheet_of_scenes_says_what_it_shows(tmp_path):
    person = {
        "subject_id": "p",
        "face_xyxy": None,
        "body_xyxy": np.float32([10, 10, 40, 60]),
    }
    row = {
        "image": {"bytes": encode_png(np.full((64, 64, 3), 60, np.uint8))},
        "truth_people": [person],
        **{"band": "VIS", "camera_id": "c", "media_id": "m", "frame_index": 0},
        **{"split": None, "simulated": True},
    }
    sheets = []
    for title in ("ingest scenes", "sample scenes"):
        scene_sheet([row], tmp_path / "sheet.png", title)
        sheets.append(cv2.imread(str(tmp_path / "sheet.png")))
    first, second = sheets
    assert first.shape == (18 + 640 + 18, 640, 3)
    assert (first[:18] != second[:18]).any()
    np.testing.assert_array_equal(first[18:], second[18:])
    assert first[:18].max() > 150
