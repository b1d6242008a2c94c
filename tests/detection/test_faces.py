"""The order of faces, and the scaling that detectors share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection.faces import faces_from_ground_truth, sorted_faces, voted
from pipeline.detection.image import reduced, restored


def test_faces_fall_by_score_and_equals_go_by_box_whatever_the_input_order():
    boxes = np.float32([[5, 0, 9, 9], [1, 0, 9, 9], [3, 0, 9, 9]])
    landmarks = boxes[:, :1, None] * np.ones((1, 5, 2), np.float32)
    scores = np.float32([0.8, 0.8, 0.9])
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        faces = sorted_faces(boxes[order], landmarks[order], scores[order])
        assert faces.boxes_xyxy[:, 0].tolist() == [3, 1, 5]
        assert faces.landmarks_xy[:, 0, 0].tolist() == [3, 1, 5]


def test_no_faces():
    faces = sorted_faces([], [], [])
    assert faces.boxes_xyxy.shape == (0, 4)
    assert faces.landmarks_xy.shape == (0, 5, 2)


def test_candidates_without_any_score_are_voted_too():
    """A threshold of 0 lets them through: of a black image, YuNet returns some."""
    boxes = np.float32([[0, 0, 9, 9], [1, 0, 10, 9], [50, 0, 59, 9]])
    faces = voted(sorted_faces(boxes, np.zeros((3, 5, 2)), [0.0, 0.0, 0.0]), 0.3)
    assert faces.boxes_xyxy.tolist() == [[0.5, 0, 9.5, 9], [50, 0, 59, 9]]
    assert faces.scores.tolist() == [0.0, 0.0]


def test_ground_truth_has_score_one():
    faces = faces_from_ground_truth([[0, 0, 9, 9]], np.ones((1, 5, 2)))
    assert faces.scores.tolist() == [1.0]
    assert faces.landmarks_xy.dtype == np.float32


def test_ground_truth_without_points_is_refused():
    with pytest.raises(ValueError, match="landmarks"):
        faces_from_ground_truth([[0, 0, 9, 9]], np.ones((2, 5, 2)))


@given(st.integers(1, 300), st.integers(1, 300), st.integers(16, 320))
def test_corners_of_the_reduced_image_are_corners_of_the_image(height, width, limit):
    small, scale = reduced(np.zeros((height, width, 3), np.uint8), limit)
    assert max(small.shape[:2]) == min(limit, max(height, width))
    corners = np.float32([[-0.5, -0.5], [small.shape[1] - 0.5, small.shape[0] - 0.5]])
    np.testing.assert_allclose(
        restored(corners, scale), [[-0.5, -0.5], [width - 0.5, height - 0.5]], atol=1e-3
    )


def test_a_small_image_is_left_alone():
    image = np.zeros((20, 30, 3), np.uint8)
    assert reduced(image, 640)[0] is image
