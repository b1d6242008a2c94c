"""A head as a rigid body."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.head_pose import head_pose, rotation_matrix
from pipeline.face3d.pose import pose_deg

ANGLES = st.tuples(st.floats(-80, 80), st.floats(-60, 60), st.floats(-80, 80))


def placed(angles, scale=7.0, origin=(200.0, 150.0, 30.0)):
    return (scale * canonical_vertices() @ rotation_matrix(*angles).T + origin).astype(np.float32)


@given(ANGLES)
def test_the_rotation_has_the_angles_that_pose_deg_reads(angles):
    np.testing.assert_allclose(pose_deg(placed(angles)[None])[0], angles, atol=1e-2)


@given(ANGLES)
def test_the_fit_finds_what_placed_the_face(angles):
    pose = head_pose(placed(angles))
    assert pose.scale == pytest.approx(7.0, rel=1e-4)
    np.testing.assert_allclose(pose.origin, (200, 150, 30), atol=1e-2)
    np.testing.assert_allclose(
        pose.unplace(pose.place(canonical_vertices())), canonical_vertices(), atol=1e-4
    )


@pytest.mark.parametrize(("yaw", "pitch"), [(30, 0), (0, -20), (-45, 15)])
def test_a_turn_adds_to_yaw_and_pitch_and_keeps_roll(yaw, pitch):
    mesh = placed((10, -5, 20))
    turned = mesh @ head_pose(mesh).turn(yaw, pitch).T
    np.testing.assert_allclose(
        pose_deg(turned[None].astype(np.float32))[0], (10 + yaw, -5 + pitch, 20), atol=1e-2
    )


def test_a_nose_that_turns_to_the_subjects_left_moves_to_larger_x():
    nose = canonical_vertices()[4]
    assert (rotation_matrix(20, 0, 0) @ nose)[0] > nose[0]
    assert (rotation_matrix(0, 20, 0) @ nose)[1] < nose[1]


@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_meshes_without_a_shape_are_refused(value):
    with pytest.raises(ValueError):
        head_pose(np.full((468, 3), value, np.float32))
