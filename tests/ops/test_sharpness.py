"""Sharpness falls with blur and with nothing else."""

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.ops.sharpness import sharpness

FACE = np.ascontiguousarray(skimage.data.astronaut()[:200, 120:320])


def test_blur_lowers_it_step_by_step():
    values = [sharpness(cv2.GaussianBlur(FACE, (0, 0), s)) for s in (0.5, 1.0, 2.0, 4.0)]
    assert sorted(values, reverse=True) == values
    assert values[-1] < 0.3 * values[0]


def test_brightness_and_contrast_leave_it():
    grey = FACE[..., 1]
    fainter = (grey * 0.5 + 60).astype(np.uint8)
    assert sharpness(fainter) == pytest.approx(sharpness(grey), rel=0.02)


def test_a_flat_image_has_none():
    assert sharpness(np.full((20, 20, 3), 90, np.uint8)) == 0
