"""What of a crop lies beyond the image, and how it is filled."""

import numpy as np
import pytest

from pipeline.ops import alignment
from pipeline.ops.alignment import beyond_image, replicated
from pipeline.ops.geometry import warp_affine

HALF_PIXEL_EDGES = np.float32([[2, 0, 10], [0, 2, 4]])
"""Twice the size, then moved by 10 and 4: source (0, 0) comes to (10, 4)."""


def test_pixels_beyond_the_image_are_told_by_the_warp():
    outside = beyond_image(HALF_PIXEL_EDGES, (8, 6), (30, 40))
    # Source x in -0.5..5.5 is crop x in 9..21, y in -0.5..7.5 is crop y in 3..19.
    inside = np.zeros((30, 40), bool)
    inside[3:20, 9:22] = True
    np.testing.assert_array_equal(~outside, inside)


def test_the_border_is_copied_outwards_and_what_was_there_is_kept():
    image = np.arange(48, dtype=np.uint8).reshape(8, 6) * 5
    crop = warp_affine(image, HALF_PIXEL_EDGES, (30, 40))
    filled = replicated(crop, HALF_PIXEL_EDGES, (8, 6))
    outside = beyond_image(HALF_PIXEL_EDGES, (8, 6), (30, 40))
    np.testing.assert_array_equal(filled[~outside], crop[~outside])
    assert (filled[outside] > 0).mean() > 0.9
    assert np.ptp(filled[10, 24:]) == 0  # right of the image, a row has one value
    assert abs(int(filled[10, 30]) - int(image[3, 5])) <= 8


def test_a_crop_inside_its_image_is_left_alone():
    crop = np.zeros((10, 10, 3), np.uint8)
    assert replicated(crop, np.float32([[1, 0, -5], [0, 1, -5]]), (40, 40)) is crop


def test_of_a_crop_surely_within_its_image_the_corners_alone_are_looked_at(monkeypatch):
    turned = np.float32([[0.8, -0.6, 20], [0.6, 0.8, -40]])  # by 37°, its corners lie within
    crop = np.zeros((30, 40), np.uint8)
    monkeypatch.setattr(alignment, "_places", lambda *_: pytest.fail("every pixel was looked at"))
    assert not beyond_image(turned, (80, 80), (30, 40)).any()
    assert replicated(crop, turned, (80, 80)) is crop


@pytest.mark.parametrize(("moved_px", "columns"), [(0.0, 0), (0.5, 0), (0.51, 1), (1.5, 1)])
def test_where_a_crop_ends_at_the_border_each_pixel_counts_by_its_centre(moved_px, columns):
    outside = beyond_image(np.float32([[1, 0, moved_px], [0, 1, 0]]), (8, 6), (8, 6))
    assert np.flatnonzero(outside.all(axis=0)).tolist() == list(range(columns))
    assert outside.sum() == 8 * columns
