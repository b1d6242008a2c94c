"""Parts from mesh points."""

import numpy as np
import pytest

from pipeline.face3d.canonical import canonical_vertices
from pipeline.parsing.mesh_parts import (
    MESH_POINTS,
    PART_LOOPS,
    mesh_labels,
    mesh_part_boxes,
    mesh_part_masks,
)
from pipeline.types import FACE_PARTS, FaceClass


def points_with(**loops):
    """Mesh points whose named loops follow given corners; all others lie at (0, 0)."""
    points = np.zeros((MESH_POINTS, 2), dtype=np.float32)
    for name, corners in loops.items():
        indices = PART_LOOPS[name]
        points[list(indices)] = corners[-1]
        points[list(indices[: len(corners)])] = corners
    return points


def test_loops_are_those_of_parts_and_visit_no_point_twice():
    assert tuple(PART_LOOPS) == FACE_PARTS
    for loop in PART_LOOPS.values():
        assert len(set(loop)) == len(loop)
        assert min(loop) >= 0
        assert max(loop) < MESH_POINTS


def test_a_contour_is_filled_by_pixel_centres():
    square = [(9.5, 19.5), (19.5, 19.5), (19.5, 24.5), (9.5, 24.5)]
    triangle = [(0, 0), (10, 0), (0, 10)]
    masks = mesh_part_masks(points_with(mouth=square, nose=triangle), (40, 30))
    expected = np.zeros((40, 30), dtype=bool)
    expected[20:25, 10:20] = True
    assert np.array_equal(masks[FACE_PARTS.index("mouth")], expected)
    y, x = np.mgrid[:40, :30]
    assert np.array_equal(masks[FACE_PARTS.index("nose")], x + y < 10)
    assert masks.shape == (4, 40, 30)


def test_boxes_bound_the_contour_even_of_a_closed_eye():
    points = points_with(left_eye=[(90, 48), (100, 48), (95, 48)])
    assert mesh_part_boxes(points)[0].tolist() == [90, 48, 100, 48]
    assert not mesh_part_masks(points, (144, 144))[0].any()


@pytest.mark.parametrize("shift", [(-300, 0), (0, 500), (-5, -5)])
def test_a_contour_past_the_frame_is_cut_there(shift):
    square = np.array([(-2.5, -2.5), (7.5, -2.5), (7.5, 7.5), (-2.5, 7.5)])
    masks = mesh_part_masks(points_with(nose=square + shift), (20, 20))
    inside = 3 * 3 if shift == (-5, -5) else 0
    assert masks[FACE_PARTS.index("nose")].sum() == inside


@pytest.mark.parametrize("shape", [(478, 2), (468, 3)])
def test_other_meshes_are_refused(shape):
    with pytest.raises(ValueError, match="468"):
        mesh_part_masks(np.zeros(shape, np.float32), (20, 20))


def test_labels_of_the_canonical_face_lie_where_they_belong():
    points = canonical_vertices()[:, :2] * 7 + 72
    labels = mesh_labels(points.astype(np.float32), (144, 144))
    assert set(np.unique(labels)) - {FaceClass.MOUTH_INNER} == {  # a slit between the lips, or none
        FaceClass.BACKGROUND,
        *(FaceClass.SKIN, FaceClass.NOSE, FaceClass.UPPER_LIP, FaceClass.LOWER_LIP),
        *(FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW, FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE),
    }
    middle = {c: np.argwhere(labels == c).mean(axis=0) for c in np.unique(labels)}
    left, right = middle[FaceClass.LEFT_EYE], middle[FaceClass.RIGHT_EYE]
    assert left[1] > right[1]  # the subject's left lies at larger x
    assert abs(left[0] - right[0]) < 1
    brow, lip = middle[FaceClass.LEFT_BROW], middle[FaceClass.UPPER_LIP]
    assert brow[0] < left[0] < middle[FaceClass.NOSE][0] < lip[0] < middle[FaceClass.LOWER_LIP][0]
    eyes = mesh_part_masks(points.astype(np.float32), (144, 144))[0]
    assert (labels[eyes] == FaceClass.LEFT_EYE).all()


def test_an_open_mouth_shows_its_inside():
    points = canonical_vertices()[:, :2].astype(np.float32) * 7 + 72
    lower = [95, 88, 178, 87, 14, 317, 402, 318, 324, 146, 91, 181, 84, 17, 314, 405, 321, 375]
    points[lower, 1] += 10
    labels = mesh_labels(points, (144, 144))
    inside = np.argwhere(labels == FaceClass.MOUTH_INNER)
    assert len(inside) > 50
    assert inside[:, 0].mean() > np.argwhere(labels == FaceClass.UPPER_LIP)[:, 0].mean()
