"""Statistics of images: blur, a colour cast and a grid are told where they are, and only there."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from pipeline.report.image_statistics import (
    colour_shift,
    grid_of,
    kid_of_statistics,
    statistics_of,
)

SIDE = 96


def images(number=8, blur_px=0.0):
    """Cut-outs of a photograph, blurred or not."""
    found = []
    for at in range(number):
        cut = astronaut()[10 + 30 * at : 10 + 30 * at + SIDE, 20 + 30 * at : 20 + 30 * at + SIDE]
        found.append(cv2.GaussianBlur(cut, (0, 0), blur_px) if blur_px else cut.copy())
    return found


def test_what_is_made_like_low_quality_is_nearer_to_it_than_what_is_sharp():
    low, sharp, made = images(blur_px=2.0), images(), images(blur_px=1.6)
    both = [*low, *sharp]
    before, after = (kid_of_statistics(low, each, both) for each in (sharp, made))
    assert after < 0.5 * before
    assert kid_of_statistics(low, sharp[:1], both) is None
    assert statistics_of(sharp[0]).shape == (42,)


def test_a_grid_stands_out_of_the_spectrum():
    chequered = []
    for image in images():
        y, x = np.mgrid[:SIDE, :SIDE]
        chequered.append(np.clip(image + 4 * ((x + y) % 2)[..., None], 0, 255).astype(np.uint8))
    striped = [np.clip(i + 4 * (np.arange(SIDE) % 4 < 2)[None, :, None], 0, 255) for i in images()]
    assert grid_of(images()) < 6
    assert grid_of([each.astype(np.uint8) for each in striped]) > 20
    assert grid_of(chequered) > 20
    assert grid_of([]) is None


def test_a_cast_is_a_shift_of_colour_and_not_of_light():
    before = [np.full((8, 8, 3), 100, np.uint8)]
    assert colour_shift(before, [np.full((8, 8, 3), 70, np.uint8)]) == 0
    browned = np.full((8, 8, 3), (100, 100, 70), np.uint8)
    # The mean falls by 10: blue moves 20 more, red and green 10 less.
    assert colour_shift(before, [browned]) == pytest.approx(20)
    assert colour_shift([], []) is None
