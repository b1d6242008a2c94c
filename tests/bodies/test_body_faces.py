"""The face that is cut out beside a body, and images that are a body already."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.bodies.crop_rows import cut_face
from pipeline.bodies.detections import Bodies, as_one_body
from pipeline.ops.codec import decode
from pipeline.params.load import load_params

PARAMS = load_params(Path(__file__).resolve().parents[2] / "params.yaml")
IMAGE = np.zeros((100, 120, 3), np.uint8)
IMAGE[40:60, 30:50] = 200  # rows, columns of the face
FACE = [29.5, 39.5, 49.5, 59.5]


def params(**changes):
    chosen = {"face_px": 40, "min_face_px": 8.0} | changes
    return PARAMS.crop_bodies.model_copy(update=chosen)


def test_the_square_holds_the_box_and_nothing_else():
    face = decode(cut_face(IMAGE, FACE, params(), "a.jpg")["bytes"])
    assert face.shape == (40, 40, 3)
    assert face[2:-2, 2:-2].min() > 190


def test_the_longer_side_of_a_box_is_the_squares_and_its_middle_stays():
    high = [FACE[0], 29.5, FACE[2], 69.5]  # 20 wide, 40 high
    face = decode(cut_face(IMAGE, high, params(), "a.jpg")["bytes"])
    lit = np.argwhere(face[..., 0] > 100)
    assert lit.min(axis=0).tolist() == pytest.approx([10, 10], abs=1)
    assert lit.max(axis=0).tolist() == pytest.approx([29, 29], abs=1)


@pytest.mark.parametrize("face", [None, [0, 0, 7.9, 5], [5, 5, 5, 5], [np.nan, 0, 9, 9]])
def test_no_box_or_a_small_one_gives_no_face(face):
    assert cut_face(IMAGE, face, params(), "a.jpg") is None


def test_what_lies_beyond_the_image_is_black():
    face = decode(cut_face(IMAGE + 90, [-20.5, 39.5, 19.5, 79.5], params(), "a.jpg")["bytes"])
    assert face[:, :18].max() < 12
    assert face[:, 22:].min() > 78


def test_an_image_of_one_body_is_that_body_with_the_best_detections_keypoints():
    points = np.arange(2 * 17 * 2, dtype=np.float32).reshape(2, 17, 2)
    boxes, scores = np.float32([[1, 1, 5, 9], [2, 2, 4, 4]]), np.float32([0.9, 0.4])
    found = Bodies(boxes, scores, points, np.ones((2, 17), np.float32))
    body = as_one_body(found, (20, 10))
    assert body.boxes_xyxy.tolist() == [[-0.5, -0.5, 9.5, 19.5]]
    assert (len(body), body.scores.tolist()) == (1, [1.0])
    np.testing.assert_array_equal(body.keypoints_xy, points[:1])
    nobody = as_one_body(Bodies(boxes[:0], scores[:0], points[:0], None), (20, 10))
    assert (len(nobody), nobody.keypoints_xy) == (1, None)
