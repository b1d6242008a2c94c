"""How far an image is from grey: by hand, and as OpenCV has saturation."""

import cv2
import numpy as np
import pytest

from pipeline.ops.colour import channels_apart, saturation_of


def test_saturation_is_opencvs():
    image = np.random.default_rng(0).integers(0, 256, (24, 30, 3), np.uint8)
    image[:4] //= 8  # dark pixels: the saturation is a share of the brightest channel
    image[4:6] = 0
    expected = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1] / 255
    for rows in (slice(0, 4), slice(4, 6), slice(6, None)):
        found = saturation_of(image[rows])
        assert found == pytest.approx(expected[rows].mean(), abs=0.5 / 255)  # bytes are rounded


def test_both_measures_by_hand():
    image = np.array([[[200, 100, 50], [8, 6, 4], [0, 0, 0], [9, 9, 9]]], np.uint8)
    assert saturation_of(image) == pytest.approx((150 / 200 + 4 / 8 + 0 + 0) / 4)
    assert channels_apart(image) == (150 + 4 + 0 + 0) / 4


def test_an_image_of_one_channel_has_no_colour():
    grey = np.full((3, 4), 90, np.uint8)
    assert (saturation_of(grey), channels_apart(grey)) == (0.0, 0.0)
