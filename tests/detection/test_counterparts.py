"""Landmarks of a face in heat from its visible counterpart."""

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from real_heat import FOLDER, labelled_images

import crossband
from pipeline.detection.counterparts import REACH, shift_between
from pipeline.ops.alignment import warp_to_template
from pipeline.ops.geometry import transform_points
from pipeline.ops.templates import ALIGNMENT_TEMPLATES

SEEN = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)[:300, 80:380]
POINTS = np.float32([[124, 107], [159, 104], [147, 127], [132, 148], [162, 146]])
SPAN = 41.5
"""From the middle of these eyes to that of the mouth, px; the eyes are nearer."""


def in_heat(image, right, down):
    """The negative of an image, of less contrast, moved: what is bright on one side is dark."""
    moved = np.float32([[1, 0, right], [0, 1, down]])
    size = image.shape[::-1]
    return 230 - cv2.warpAffine(image, moved, size, borderMode=cv2.BORDER_REPLICATE) // 2


@settings(max_examples=12)
@given(right=st.integers(-13, 13), down=st.integers(-13, 13))
def test_a_shift_is_found_whichever_side_is_bright(right, down):
    found = shift_between(SEEN, in_heat(SEEN, right, down), POINTS)
    assert np.abs(found.xy - (right, down)).max() < 0.02 * SPAN
    assert 0 < found.agreement <= 1
    assert found.is_sure


def test_twice_the_pixels_have_twice_the_shift():
    large = cv2.resize(SEEN, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    one = shift_between(SEEN, in_heat(SEEN, 7, -5), POINTS)
    two = shift_between(large, in_heat(large, 14, -10), POINTS * 2)
    np.testing.assert_allclose(two.xy, one.xy * 2, atol=0.04 * SPAN)


def test_noise_of_a_camera_of_many_pixels_makes_no_edges():
    """Taken at every fourth pixel it would: the large image is reduced by means."""
    large = cv2.resize(SEEN, None, fx=10, fy=10, interpolation=cv2.INTER_CUBIC)
    heat = in_heat(large, 70, -50)
    noise = np.random.default_rng(0).integers(-90, 90, (2, *large.shape), np.int16)
    noisy = np.clip(np.stack([large, heat]) + noise, 0, 255).astype(np.uint8)
    clear, found = shift_between(large, heat, POINTS * 10), shift_between(*noisy, POINTS * 10)
    np.testing.assert_allclose(found.xy, clear.xy, atol=0.02 * SPAN * 10)
    assert found.distinct > 0.8 * clear.distinct


def test_no_shift_is_longer_than_the_reach():
    found = shift_between(SEEN, in_heat(SEEN, 30, 0), POINTS)  # 0.72 spans
    assert np.abs(found.xy).max() <= REACH * SPAN + 1


def test_images_that_tell_nothing_are_not_sure():
    flat = np.full_like(SEEN, 128)
    found = shift_between(SEEN, flat, POINTS)
    assert (found.agreement, found.distinct, found.is_sure) == (0.0, 1.0, False)
    stripes = np.tile(np.uint8([60] * 4 + [180] * 4), (300, 38))[:, :300]  # alike every 8 px
    assert not shift_between(stripes, stripes, POINTS).is_sure


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="two grey images of one size"):
        shift_between(SEEN, SEEN[:-1], POINTS)
    with pytest.raises(ValueError, match="apart from each other"):
        shift_between(SEEN, SEEN, np.full((5, 2), 50, np.float32))
    with pytest.raises(ValueError, match="in the image"):
        shift_between(SEEN, SEEN, POINTS + 1000)


def test_a_face_at_the_border_is_found():
    cut = SEEN[:, 110:]
    found = shift_between(cut, in_heat(cut, 4, 3), POINTS - (110, 0))
    assert np.abs(found.xy - (4, 3)).max() < 0.03 * SPAN


def test_all_real_pairs_lie_at_one_place_by_their_visible_landmarks():
    """Eyes and mouth corners in crops of 144: VIS by its mesh, LWIR by labels made by eye."""
    template = ALIGNMENT_TEMPLATES["arcface144"]
    apart, sure = [], 0
    for label, rgb in labelled_images():
        path = next(iter(FOLDER.glob(f"*SpeakingFaces__{label['name']}_vis.png")), None)
        if path is None:
            continue
        image = crossband.open(path)
        seen = image.faces[0].landmarks_xy
        visible = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
        shift = shift_between(visible, np.ascontiguousarray(rgb[:, :, 0]), seen)
        sure += shift.is_sure
        known = np.float32(label["faces"][0]["landmarks_xy"])
        vis = transform_points(seen, warp_to_template(seen, template))
        lwir = transform_points(known, warp_to_template(seen + shift.xy, template))
        apart.append(np.hypot(*(vis - lwir)[[0, 1, 3, 4]].T))
    print(f"{len(apart)} pairs, {sure} sure, px of 144: {np.round(apart, 1).tolist()}")
    assert len(apart) == 10
    assert sure >= 8
    assert np.median(apart) <= 3.0
    assert np.max(apart) <= 9.0
