"""Measures of a reconstructed face against a mesh whose errors are known."""

import numpy as np
import pytest

from pipeline.face3d.measures import mesh_nme_percent, reconstructed_measures
from pipeline.ops.contours import LEFT_EYE_LOOP, RIGHT_EYE_LOOP


@pytest.fixture
def mesh():
    """A mesh with its eyes 40 apart, half of that in depth."""
    made = np.random.default_rng(0).normal(size=(468, 3)).astype(np.float32)
    made[list(LEFT_EYE_LOOP)], made[list(RIGHT_EYE_LOOP)] = (24, 0, 0), (-8, 0, 24)
    return made


def test_the_error_is_a_share_of_the_eyes_in_space(mesh):
    assert mesh_nme_percent(mesh + np.float32((3, 4, 9)), mesh) == pytest.approx(12.5, rel=1e-5)
    assert mesh_nme_percent(mesh, np.zeros_like(mesh)) is None


def test_what_is_not_known_is_not_measured(mesh):
    pose = np.float32((-30, 5, 0))
    assert reconstructed_measures({}, mesh, pose) == {
        "mesh_nme_percent": None,
        "yaw_error_deg": None,
    }
    row = {"truth_mesh_xyz": mesh, "truth_pose_deg": np.float32((-27.5, 0, 0))}
    assert reconstructed_measures(row, mesh, pose) == {"mesh_nme_percent": 0, "yaw_error_deg": 2.5}
