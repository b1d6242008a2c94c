"""Left and right are settled by position, in any roll, without changing what a pixel shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ops.geometry import transform_points, warp_affine
from pipeline.parsing.sides import settle_left_right
from pipeline.types import FaceClass as C

POINTS = np.array([[51, 48], [93, 48], [72, 72], [55, 96], [89, 96]], dtype=np.float32)


def face():
    """A frontal face, sides right: the subject's left lies at larger x."""
    labels = np.full((144, 144), C.SKIN, dtype=np.uint8)
    labels[45:51, 44:58], labels[45:51, 86:100] = C.RIGHT_EYE, C.LEFT_EYE
    labels[34:38, 38:64], labels[34:38, 80:106] = C.RIGHT_BROW, C.LEFT_BROW
    labels[50:75, 20:26], labels[50:75, 118:124] = C.RIGHT_EAR, C.LEFT_EAR
    labels[50:80, 66:78], labels[92:100, 56:88] = C.NOSE, C.UPPER_LIP
    return labels


SWAP = np.arange(19, dtype=np.uint8)
SWAP[[2, 3, 4, 5, 7, 8]] = [3, 2, 5, 4, 8, 7]


def test_a_right_map_stays():
    assert np.array_equal(settle_left_right(face(), POINTS), face())


def test_a_swapped_map_is_put_right():
    assert np.array_equal(settle_left_right(SWAP[face()], POINTS), face())


def test_a_component_torn_between_both_names_gets_one():
    labels = face()
    labels[45:51, 86:93] = C.RIGHT_EYE
    assert np.array_equal(settle_left_right(labels, POINTS), face())


@pytest.mark.parametrize("degrees", [-170, -90, -35, 20, 90, 180])
def test_roll_turns_the_sides_with_the_face(degrees):
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0]])
    turn[:, 2] = 72 - turn[:, :2] @ (72, 72)
    turned = warp_affine(face(), turn, (144, 144), interpolation="nearest")
    settled = settle_left_right(SWAP[turned], transform_points(POINTS, turn))
    assert np.array_equal(settled, turned)


def test_a_lone_eye_in_profile_goes_to_the_point_it_shows():
    labels = np.full((144, 144), C.SKIN, dtype=np.uint8)
    labels[45:51, 30:42] = C.LEFT_EYE  # the subject looks to the image's right: the right eye
    points = np.array([[37, 48], [56, 47], [75, 66], [45, 95], [58, 94]], dtype=np.float32)
    settled = settle_left_right(labels, points)
    assert set(np.unique(settled)) == {C.SKIN, C.RIGHT_EYE}


def test_brows_that_meet_are_divided_at_the_mid_line():
    labels = face()
    labels[34:38, 38:106] = C.LEFT_BROW
    settled = settle_left_right(labels, POINTS)
    assert (settled[34:38, 38:72] == C.RIGHT_BROW).all()
    assert (settled[34:38, 73:106] == C.LEFT_BROW).all()


def test_a_part_that_leans_over_the_mid_line_stays_whole():
    labels = np.full((144, 144), C.SKIN, dtype=np.uint8)
    labels[45:51, 66:84] = C.RIGHT_EYE
    assert (settle_left_right(labels, POINTS)[45:51, 66:84] == C.LEFT_EYE).all()


def test_specks_are_kept():
    labels = face()
    labels[10, 140] = C.RIGHT_EYE
    assert settle_left_right(labels, POINTS)[10, 140] == C.LEFT_EYE


@given(st.integers(0, 2**32 - 1))
def test_only_the_side_of_a_pixel_ever_changes(seed):
    labels = np.random.default_rng(seed).integers(0, 19, (40, 40), dtype=np.uint8)
    settled = settle_left_right(labels, POINTS / 4)
    merge = np.minimum(np.arange(19), SWAP)
    assert np.array_equal(merge[settled], merge[labels])
    assert np.array_equal(settle_left_right(settled, POINTS / 4), settled)
    assert np.array_equal(settle_left_right(SWAP[labels], POINTS / 4), settled)


@pytest.mark.parametrize(
    "points", [np.full((5, 2), 7.0), np.full((5, 2), np.nan), POINTS[:3]], ids=["one", "nan", "3"]
)
def test_points_that_fix_no_mid_line_are_refused(points):
    with pytest.raises(ValueError):
        settle_left_right(face(), points)
