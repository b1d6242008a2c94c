"""What is left of a face's parts that something covers."""

import numpy as np

from pipeline.parsing import hidden
from pipeline.parsing.hidden import hide_parts
from pipeline.parsing.locate import PartLocations

LEFT_EYE, RIGHT_EYE, NOSE, MOUTH = range(4)


def two_eyes():
    """A face whose eyes have 4 × 2 pixels each; it has no nose and no mouth."""
    masks = np.zeros((4, 20, 30), bool)
    masks[LEFT_EYE, 5:7, 20:24] = masks[RIGHT_EYE, 5:7, 4:8] = True
    boxes = np.full((4, 4), np.nan, np.float32)
    boxes[LEFT_EYE], boxes[RIGHT_EYE] = (19.5, 4.5, 23.5, 6.5), (3.5, 4.5, 7.5, 6.5)
    backends = ["parser", "parser", "none", "none"]
    return PartLocations(masks, boxes, backends, np.float32([1, 2, np.nan, np.nan]))


def bounded(monkeypatch):
    """Note how many masks are bounded anew."""
    counts = []

    def noted(masks, *, min_pixels):
        counts.append(len(masks))
        return part_boxes(masks, min_pixels=min_pixels)

    part_boxes = hidden.part_boxes
    monkeypatch.setattr(hidden, "part_boxes", noted)
    return counts


def test_only_a_part_that_is_touched_is_bounded_anew(monkeypatch):
    counts, covered = bounded(monkeypatch), np.zeros((20, 30), bool)
    covered[:, :6] = True  # half of the right eye
    left = hide_parts(two_eyes(), covered, min_pixels=4)
    assert counts == [1]
    assert left.boxes_xyxy[LEFT_EYE].tolist() == [19.5, 4.5, 23.5, 6.5]
    assert left.boxes_xyxy[RIGHT_EYE].tolist() == [5.5, 4.5, 7.5, 6.5]
    assert np.isnan(left.boxes_xyxy[[NOSE, MOUTH]]).all()
    assert left.masks.sum(axis=(1, 2)).tolist() == [8, 4, 0, 0]
    assert left.backends == ["parser", "parser", "none", "none"]


def test_a_part_of_which_too_little_is_left_goes():
    covered = np.zeros((20, 30), bool)
    covered[:, :6] = True
    left = hide_parts(two_eyes(), covered, min_pixels=5)
    assert left.backends == ["parser", "none", "none", "none"]
    assert np.isnan(left.boxes_xyxy[RIGHT_EYE]).all()
    assert not left.masks[RIGHT_EYE].any()
    assert np.isnan(left.mesh_distance_percent[RIGHT_EYE])


def test_where_nothing_is_covered_everything_stays(monkeypatch):
    counts, face = bounded(monkeypatch), two_eyes()
    assert hide_parts(face, np.zeros((20, 30), bool), min_pixels=4) is face
    assert counts == []
