"""Alignment templates: published numbers and rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ops.geometry import invert_affine, transform_points
from pipeline.ops.templates import (
    ALIGNMENT_TEMPLATES,
    PointUse,
    template_from_points,
    warp_to_template,
)

ARCFACE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
     (70.7299, 92.2041)]
)  # fmt: skip
FACE = np.array([(210.0, 150.0), (262.0, 162.0), (230.0, 190.0), (205.0, 212.0), (246.0, 221.0)])


def test_published_numbers():
    np.testing.assert_array_equal(ALIGNMENT_TEMPLATES["arcface112"].landmarks_xy, ARCFACE)
    np.testing.assert_array_equal(
        ALIGNMENT_TEMPLATES["facexlib512"].landmarks_xy,
        [(192.98, 239.95), (318.90, 240.19), (256.63, 314.02), (201.26, 371.41), (313.09, 371.15)],
    )


def test_shapes_are_height_then_width():
    assert {name: template.hw for name, template in ALIGNMENT_TEMPLATES.items()} == {
        "arcface112": (112, 112),
        "lightcnn144": (144, 144),
        "arcface144": (144, 144),
        "facexlib512": (512, 512),
        "dmfr137x169": (169, 137),
    }
    assert all(name == template.name for name, template in ALIGNMENT_TEMPLATES.items())


def test_arcface144_is_arcface_scaled_and_shifted_to_lightcnns_rule():
    scaled = np.asarray(ALIGNMENT_TEMPLATES["arcface144"].landmarks_xy)
    shift = scaled - 1.17977 * ARCFACE
    np.testing.assert_allclose(shift, np.broadcast_to(shift.mean(axis=0), (5, 2)), atol=2e-3)
    np.testing.assert_allclose(scaled[:2].mean(axis=0), (72, 48), atol=1e-2)
    assert scaled[3:, 1].mean() == pytest.approx(96, abs=1e-2)


@pytest.mark.parametrize("name", ["arcface112", "arcface144", "facexlib512"])
def test_a_face_that_is_the_template_needs_only_its_similarity(name):
    template = ALIGNMENT_TEMPLATES[name]
    expected = np.array([[1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(
        warp_to_template(template.landmarks_xy, template), expected, atol=1e-4
    )


angles, scales, places = st.floats(-170, 170), st.floats(0.1, 8), st.floats(-500, 500)


def turned(landmarks, degrees, scale, x, y):
    cos, sin = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return landmarks @ np.array([[cos, sin], [-sin, cos]]) + (x, y)


@given(angles, scales, places, places)
def test_lightcnn_levels_the_eyes_and_puts_eyes_and_mouth_on_their_rows(degrees, scale, x, y):
    landmarks = turned(FACE, degrees, scale, x, y)
    crop = transform_points(
        landmarks, warp_to_template(landmarks, ALIGNMENT_TEMPLATES["lightcnn144"])
    )
    assert crop[0, 1] == pytest.approx(crop[1, 1], abs=2e-2)
    np.testing.assert_allclose(crop[:2].mean(axis=0), (72, 48), atol=2e-2)
    assert crop[3:, 1].mean() - crop[:2, 1].mean() == pytest.approx(48, abs=2e-2)
    assert crop[0, 0] < crop[1, 0]


def test_lightcnn_is_no_fit_of_five_points():
    moved = FACE.copy()
    moved[2] += (9, 9)  # the nose is nothing to the rule
    template = ALIGNMENT_TEMPLATES["lightcnn144"]
    np.testing.assert_array_equal(
        warp_to_template(moved, template), warp_to_template(FACE, template)
    )


@given(angles, scales, places, places)
@pytest.mark.parametrize("name", list(ALIGNMENT_TEMPLATES))
def test_a_crop_does_not_depend_on_how_the_face_lies_in_the_image(name, degrees, scale, x, y):
    template = ALIGNMENT_TEMPLATES[name]
    crop = transform_points(FACE, warp_to_template(FACE, template))
    landmarks = turned(FACE, degrees, scale, x, y)
    again = transform_points(landmarks, warp_to_template(landmarks, template))
    np.testing.assert_allclose(again, crop, atol=0.1)


def test_dmfr_places_eyes_and_mouth_middle_inside_137_by_169():
    template = ALIGNMENT_TEMPLATES["dmfr137x169"]
    assert template.point_use is PointUse.EYES_AND_MOUTH
    three = np.asarray(template.landmarks_xy)
    assert three.shape == (3, 2)
    # A face whose three landmarks are the template: its nose and how wide its mouth is are nothing.
    mouth = three[2] + np.array([[-12, 0], [12, 0]])
    landmarks = np.concatenate([three[:2], [(90.0, 60.0)], mouth])
    np.testing.assert_allclose(
        warp_to_template(landmarks, template), [[1, 0, 0], [0, 1, 0]], atol=1e-4
    )
    assert (three > 0).all()
    assert (three < (137, 169)).all()


def test_a_users_own_template():
    landmarks = [[x / 2, y / 2] for x, y in ARCFACE]
    mine = template_from_points("mine56", (56, 56), landmarks)
    matrix = warp_to_template(ARCFACE, mine)
    np.testing.assert_allclose(matrix, [[0.5, 0, 0], [0, 0.5, 0]], atol=1e-5)
    np.testing.assert_allclose(invert_affine(matrix), [[2, 0, 0], [0, 2, 0]], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "hw", "landmarks"),
    [
        ("arcface112", (112, 112), ARCFACE.tolist()),
        ("mine", (0, 112), ARCFACE.tolist()),
        ("mine", (112, 112), ARCFACE[:4].tolist()),
        ("mine", (112, 112), [[1, 2, 3]] * 5),
    ],
)
def test_a_wrong_template_of_a_users_own_is_refused(name, hw, landmarks):
    with pytest.raises(ValueError):
        template_from_points(name, hw, landmarks)


@pytest.mark.parametrize("name", list(ALIGNMENT_TEMPLATES))
@pytest.mark.parametrize(
    "landmarks",
    [np.zeros((5, 2)), np.full((5, 2), np.nan), ARCFACE[:4]],
    ids=["one", "nan", "four"],
)
def test_degenerate_faces_are_refused(name, landmarks):
    with pytest.raises(ValueError):
        warp_to_template(landmarks, ALIGNMENT_TEMPLATES[name])


def test_lightcnn_refuses_a_mouth_above_the_eyes():
    upside_down_mouth = FACE.copy()
    upside_down_mouth[3:] -= (0, 200)
    with pytest.raises(ValueError, match="below"):
        warp_to_template(upside_down_mouth, ALIGNMENT_TEMPLATES["lightcnn144"])
