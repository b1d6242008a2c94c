"""Parts from mesh points."""

import numpy as np
import pytest

from pipeline.parsing import PARTS, mesh_part_boxes, mesh_part_masks
from pipeline.parsing.mesh_parts import MESH_POINTS, PART_LOOPS


def points_with(**loops):
    """Mesh points whose named loops follow given corners; all others lie at (0, 0)."""
    points = np.zeros((MESH_POINTS, 2), dtype=np.float32)
    for name, corners in loops.items():
        indices = PART_LOOPS[name]
        points[list(indices)] = corners[-1]
        points[list(indices[: len(corners)])] = corners
    return points


def test_loops_are_those_of_parts_and_visit_no_point_twice():
    assert tuple(PART_LOOPS) == PARTS
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
    assert np.array_equal(masks[PARTS.index("mouth")], expected)
    y, x = np.mgrid[:40, :30]
    assert np.array_equal(masks[PARTS.index("nose")], x + y < 10)
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
    assert masks[PARTS.index("nose")].sum() == inside


@pytest.mark.parametrize("shape", [(478, 2), (468, 3)])
def test_other_meshes_are_refused(shape):
    with pytest.raises(ValueError, match="468"):
        mesh_part_masks(np.zeros(shape, np.float32), (20, 20))
