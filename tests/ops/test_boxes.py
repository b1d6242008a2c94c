"""Boxes: overlap, clipping, and which face wins."""

import numpy as np
import pytest

from pipeline.ops.boxes import CHOICES, areas, boxes_about, choose, intersections, iou, paired_iou


def test_pairs_of_boxes_worked_by_hand():
    first = [[0, 0, 2, 2], [0, 0, 4, 4], [0, 0, 1, 1]]
    second = [[1, 1, 3, 3], [1, 1, 3, 3], [2, 2, 3, 3]]
    assert intersections(first, second).tolist() == [1, 4, 0]
    assert paired_iou(first, second).tolist() == [1 / 7, 4 / 16, 0]
    assert paired_iou([], []).shape == (0,)


def test_iou_worked_by_hand():
    first = [[0, 0, 2, 2], [0, 0, 4, 4], [5, 5, 5, 5]]
    second = [[1, 1, 3, 3], [0, 0, 2, 2]]
    np.testing.assert_allclose(iou(first, second), [[1 / 7, 1], [4 / 16, 4 / 16], [0, 0]])


def test_a_box_holds_all_points_whatever_their_depth():
    points = [[[3, 1, 9], [2, 8, -9]], [[0, 0, 0], [0, 0, 1]]]
    assert boxes_about(points).tolist() == [[2, 1, 3, 8], [0, 0, 0, 0]]


def test_nothing_overlaps_nothing():
    assert iou(np.zeros((0, 4)), [[0, 0, 1, 1]]).shape == (0, 1)


def test_a_box_turned_inside_out_has_no_area():
    np.testing.assert_array_equal(areas([[0, 0, 3, 2], [3, 2, 0, 0]]), [6, 0])


BOXES = np.float32([[0, 0, 60, 60], [40, 40, 60, 60], [0, 80, 20, 100]])
SCORES = np.float32([0.8, 0.7, 0.9])


@pytest.mark.parametrize(
    ("policy", "winners"),
    [
        ("largest", [0]),
        ("most_central", [1]),
        ("highest_score", [2]),
        ("only", []),
        ("annotated", [0]),
        ("all", [0, 1, 2]),
    ],
)
def test_which_of_three_faces_win(policy, winners):
    assert choose(BOXES, SCORES, (100, 100), policy) == winners


@pytest.mark.parametrize(
    ("known", "winners"),
    [
        ([0, 0, 60, 60], [0]),
        ([38, 35, 64, 62], [1]),  # IoU 400 / 702 with the second, 550 / 3752 with the first
        ([0, 72, 24, 104], [2]),
        ([70, 0, 90, 20], []),
        ([50, 50, 80, 80], []),  # a corner of the second: 100 / 1200
    ],
)
def test_the_annotated_face_is_the_one_on_the_known_box(known, winners):
    assert choose(BOXES, SCORES, (100, 100), "annotated", np.float32(known)) == winners


@pytest.mark.parametrize("policy", CHOICES)
def test_one_face_wins_and_of_none_none(policy):
    assert choose(BOXES[:1], SCORES[:1], (100, 100), policy) == [0]
    assert choose(BOXES[:0], SCORES[:0], (100, 100), policy) == []


@pytest.mark.parametrize("policy", ["largest", "most_central", "highest_score"])
def test_of_equals_the_first_wins(policy):
    twins = np.repeat(BOXES[:1], 2, axis=0)
    assert choose(twins, SCORES[[0, 0]], (100, 100), policy) == [0]


def test_an_unknown_policy_is_named():
    with pytest.raises(ValueError, match="tallest"):
        choose(BOXES, SCORES, (100, 100), "tallest")
