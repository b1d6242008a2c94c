"""Head pose: signs and recovery of known rotations of the canonical face."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.pose import pose_deg


def rotation(axis, degrees):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = cos
    matrix[i, j], matrix[j, i] = -sin, sin
    return matrix


def test_the_canonical_face_looks_into_the_camera():
    np.testing.assert_allclose(pose_deg(canonical_vertices()[None]), [[0, 0, 0]], atol=1e-4)


@pytest.mark.parametrize(
    ("axis", "degrees", "which", "expected"),
    [("y", -30, 0, 30), ("x", -20, 1, 20), ("z", 25, 2, 25)],
)
def test_each_angle_has_the_sign_that_its_docstring_gives(axis, degrees, which, expected):
    turned = canonical_vertices() @ rotation(axis, degrees).T
    before, after = canonical_vertices()[4], turned[4]
    if which == 0:
        assert after[0] > before[0] + 1  # the nose moved to larger x
    elif which == 1:
        assert after[1] < before[1] - 1  # the nose moved up
    else:
        forehead = turned[10] - turned[152]
        assert forehead[0] > 1  # forehead over chin leans to larger x: the subject's left shoulder
    angles = np.zeros(3)
    angles[which] = expected
    np.testing.assert_allclose(pose_deg(turned[None])[0], angles, atol=1e-3)


@given(st.floats(-120, 120), st.floats(-80, 80), st.floats(-170, 170), st.floats(0.01, 100))
def test_any_pose_scale_and_place_is_recovered(yaw, pitch, roll, scale):
    turn = rotation("z", roll) @ rotation("x", -pitch) @ rotation("y", -yaw)
    turned = scale * (canonical_vertices() @ turn.T) + (300, -20, 7)
    np.testing.assert_allclose(pose_deg(turned[None])[0], (yaw, pitch, roll), atol=0.05)


def test_a_face_does_not_depend_on_the_others():
    rng = np.random.default_rng(1)
    faces = canonical_vertices() + rng.normal(size=(5, 468, 3)) * 0.3
    together = pose_deg(faces)
    alone = np.concatenate([pose_deg(face[None]) for face in faces])
    np.testing.assert_array_equal(together, alone)
