"""Sheets of scenes: what they say."""

import cv2
import numpy as np
import pytest

from pipeline.ops.codec import encode_png
from pipeline.report.scene_sheet import scene_sheet


def test_boxes_and_names_lie_on_whom_they_mark(tmp_path):
    image = np.zeros((64, 64, 3), np.uint8)
    box = np.float32([9.5, 29.5, 39.5, 59.5])  # the edges of pixels 10 to 39, 30 to 59
    person = {"subject_id": "p", "face_xyxy": box, "body_xyxy": None}
    row = {
        "image": {"bytes": encode_png(image)},
        "truth_people": [person],
        **{"band": "VIS", "camera_id": "c", "media_id": "m", "frame_index": 0},
        **{"split": None, "simulated": True},
    }
    scene_sheet([row], tmp_path / "sheet.png", "scenes")
    drawn = cv2.imread(str(tmp_path / "sheet.png"))[18 : 18 + 640, ..., ::-1]
    coloured = np.argwhere((drawn == (255, 99, 71)).all(axis=2))
    line = coloured[coloured[:, 0] >= 300]
    assert (line.min(axis=0).tolist(), line.max(axis=0).tolist()) == ([300, 100], [599, 399])
    words = coloured[coloured[:, 0] < 300]
    assert words[:, 0].max() == 299
    assert words[:, 1].min() == pytest.approx(100, abs=1)


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


@pytest.mark.parametrize(
    ("hw", "cameras", "shown"), [((64, 64), 4, 4), ((54, 96), 5, 5), ((96, 54), 9, 5)]
)
def test_a_sheet_of_many_cameras_is_no_larger_than_a_page(tmp_path, hw, cameras, shown):
    """Each camera has its own grey value, and three frames."""
    rows = [
        {
            "image": {"bytes": encode_png(np.full((*hw, 3), 40 + 20 * camera, np.uint8))},
            "truth_people": [],
            **{"band": "VIS", "camera_id": f"c{camera}", "media_id": "m", "frame_index": frame},
            **{"split": None, "simulated": True},
        }
        for camera in range(cameras)
        for frame in range(3)
    ]
    scene_sheet(rows, tmp_path / "sheet.png", "ingest scenes")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert max(sheet.shape[:2]) <= 2000
    greys = set(np.unique(sheet[18:, sheet.shape[1] // 6])) & {40 + 20 * n for n in range(cameras)}
    assert len(greys) == shown
    assert {40, 40 + 20 * (cameras - 1)} <= greys
