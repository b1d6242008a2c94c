"""Sharpness and light of a crop: what changes them, and what may not."""

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.recognition.appearance import focus_measure, illumination


@pytest.fixture
def face():
    """The astronaut's face, about as ArcFace's template would cut it."""
    return cv2.resize(skimage.data.astronaut()[55:190, 165:300], (112, 112))


def test_blur_lowers_the_sharpness(face):
    blurred = [focus_measure(cv2.GaussianBlur(face, (0, 0), sigma)) for sigma in (0.8, 1.6, 3.2)]
    assert focus_measure(face) > blurred[0] > blurred[1] > blurred[2] > 0


def test_contrast_and_brightness_leave_the_sharpness(face):
    flat = np.clip(face * 0.5 + 60, 0, 255).astype(np.uint8)
    assert focus_measure(flat) == pytest.approx(focus_measure(face), rel=0.03)


def test_the_background_has_no_say_in_the_sharpness(face):
    striped = face.copy()
    striped[:20], striped[:, :10] = 0, 255
    assert focus_measure(striped) == focus_measure(face)


def test_a_flat_face_has_no_sharpness():
    assert focus_measure(np.full((112, 112), 90, np.uint8)) == 0.0


def test_illumination_of_halves():
    crop = np.full((112, 112, 3), 51, np.uint8)
    crop[:, 56:] = 153
    level, side = illumination(crop)
    assert level == pytest.approx((51 + 153) / 2 / 255)
    assert side == pytest.approx((153 - 51) / (153 + 51))  # the image's right is brighter
    assert illumination(crop[:, ::-1])[1] == pytest.approx(-side)
    assert illumination(np.zeros((112, 112), np.uint8)) == (0.0, 0.0)


def test_what_lies_beyond_the_image_is_neither_an_edge_nor_a_shadow():
    """A flat face of 102, cut at column 40: 102 / 255 bright, evenly lit, without detail."""
    crop, shown = np.full((112, 112), 102, np.uint8), np.ones((112, 112), bool)
    crop[:, :40], shown[:, :40] = 0, False
    crop[:, 40] = 60  # mixed with the black beside it
    assert focus_measure(crop, shown) == 0.0
    assert illumination(crop, shown) == (pytest.approx(0.4), 0.0)
    crop[:, :80], shown[:, :80] = 0, False  # nothing is left of the image's left half
    assert illumination(crop, shown) == (pytest.approx(0.4), 0.0)
    assert focus_measure(crop, ~shown & shown) == 0.0
    assert illumination(crop, ~shown & shown) == (0.0, 0.0)


def test_a_blurred_face_that_the_image_cuts_is_no_sharper_than_a_whole_one(face):
    blurred = cv2.GaussianBlur(face, (0, 0), 3.2)
    cut, shown = blurred.copy(), np.ones((112, 112), bool)
    cut[:, :45], shown[:, :45] = 0, False
    assert focus_measure(cut, shown) < 2 * focus_measure(blurred) < 0.2 * focus_measure(cut)
