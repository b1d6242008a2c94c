"""Keypoints of an export's boxes."""

import contextlib
import io

import numpy as np
import pytest
from stage_data import detect_rows, finished, write_folder

from pipeline.bodies.ultralytics_offline import ultralytics_module
from pipeline.exporters.boxes import BODY_POINTS, SOURCES, boxes_of
from pipeline.schemas.detect_bodies import DETECT_BODIES


@pytest.fixture
def bodies(tmp_path):
    """A function that writes a stage of bodies, the first of them with keypoints or without."""

    def write(with_points):
        body = {
            "box_xyxy": np.array([1, 2, 20, 22], np.float32),
            "score": 0.5,
            "keypoints_xy": None,
            "keypoint_scores": None,
        }
        points = np.full((17, 2), 5, np.float32) if with_points else None
        rows = [
            {name: value for name, value in row.items() if name in DETECT_BODIES.names}
            | {"bodies": [body | {"keypoints_xy": None if n else points}], "people": 1}
            | {"annotated_bodies": 0, "found_bodies": 0}
            for n, row in enumerate(detect_rows())
        ]
        return write_folder(tmp_path / "bodies", [finished(row) for row in rows], DETECT_BODIES)

    return write


def test_bodies_of_a_network_without_keypoints_train_a_detector(put, bodies):
    """Ultralytics' task "detect" refuses a label that has more than a class and a box."""
    source = bodies(with_points=False)
    out = put("yolo", source=source)
    check = ultralytics_module("ultralytics.data.utils").check_det_dataset
    assert "kpt_shape" not in check(str(out / "data.yaml"), autodownload=False)
    assert {len(file.read_text().split()) for file in out.glob("labels/*/*/*.txt")} == {5}
    coco = put("coco", source=source)
    for file in (coco / "annotations").iterdir():
        assert '"keypoints"' not in file.read_text()


def test_coco_evaluates_keypoints_where_one_box_has_none(put, bodies):
    """As in COCO's own person_keypoints, a person without any has zeros and ``num_keypoints`` 0."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    out = put("coco", source=bodies(with_points=True))
    numbers = []
    for file in (out / "annotations").iterdir():
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(str(file))
            found = [dict(item, score=0.5) for item in truth.anns.values()]
            COCOeval(truth, truth.loadRes(found), "keypoints").evaluate()
        numbers += [(item["num_keypoints"], len(item["keypoints"])) for item in found]
    assert sorted(numbers) == [(0, 51)] * 7 + [(17, 51)]
    assert truth.cats[1]["keypoints"] == list(BODY_POINTS)


def test_a_point_that_is_not_known_is_not_visible():
    points = np.array([[np.nan, 3], [4, -np.nan], [5, 5], [-1, 5], [9.5, 5]], np.float32)
    face = {"box_xyxy": np.array([0, 0, 8, 8], np.float32), "landmarks_xy": points}
    row = {"width_px": 10, "height_px": 10, "faces": [face]}
    (box,) = boxes_of(row, SOURCES[:1])
    np.testing.assert_array_equal(box.points, [[0] * 3, [0] * 3, [5, 5, 2], [0] * 3, [9.5, 5, 2]])
