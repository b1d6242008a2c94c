"""Which pixels of a drawn mask are looked at more finely, and blurs at half the size."""

import cv2
import numpy as np
import pytest

from pipeline.ops.raster import rasterise_onto
from pipeline.synthesis.masks.kernel import planes_of, seams
from pipeline.synthesis.masks.paint import LAYERS
from pipeline.synthesis.masks.soft import blurred

CORNERS = np.float32([[2.5, 2.5, 0], [8.5, 2.5, 0], [8.5, 8.5, 0], [2.5, 8.5, 0]])
TRIANGLES = np.int32([[0, 1, 2], [0, 2, 3]])
"""A square over the pixels 3 to 8 each way, in two halves."""


def numbered(texels, alpha=1.0):
    """Number the pixels of the square, whose corners lie at these texels of an even texture."""
    texture = np.zeros((64, 64, LAYERS), np.float32)
    texture[..., 3] = alpha
    triangle = rasterise_onto(CORNERS, TRIANGLES, np.full((12, 12), np.inf, np.float32))
    vertices = np.column_stack([np.float32(texels), np.zeros((4, 3), np.float32)])
    numbers = np.empty_like(triangle)
    count = seams(triangle, planes_of(CORNERS, TRIANGLES, vertices), texture, numbers)
    assert sorted(numbers[numbers >= 0]) == list(range(count))
    return numbers >= 0


def test_pixels_on_both_sides_of_an_outline_are_numbered_and_none_inside():
    expected = np.zeros((12, 12), bool)
    expected[2:10, 2:10] = True
    expected[[2, 2, 9, 9], [2, 9, 2, 9]] = False  # beside no side of the square
    expected[4:8, 4:8] = False
    np.testing.assert_array_equal(numbered(CORNERS[:, :2]), expected)


def test_an_outline_that_is_transparent_has_no_edge():
    assert not numbered(CORNERS[:, :2], alpha=0.0).any()


def test_where_a_mask_hides_itself_there_is_an_edge():
    """A fold: along the diagonal one half shows texels far from the other half's."""
    folded = CORNERS[:, :2] + np.float32([[0, 0], [0, 0], [0, 0], [40, 0]])
    flat = CORNERS[:, :2]
    more = numbered(folded) & ~numbered(flat)
    assert more[4:8, 4:8].any()


@pytest.mark.parametrize("hw", [(60, 81), (61, 80)])
@pytest.mark.parametrize("sigma", [1.0, 2.6, 6.0])
def test_a_blur_at_half_the_size_looks_like_one_at_the_whole(sigma, hw):
    image = np.zeros((*hw, 4), np.float32)
    image[20:45, 15:60] = 255, 120, 60, 1
    expected = cv2.GaussianBlur(image, (0, 0), sigma)
    found = blurred(image.copy(), sigma)
    assert found.shape == image.shape
    # At a black edge on white, in a pixel; a mask's edges have less contrast.
    assert (np.abs(found - expected) <= 0.02 * image.max(axis=(0, 1))).all()


def test_a_blur_that_nobody_sees_is_none():
    image = np.ones((3, 3, 2), np.float32)
    assert blurred(image, 0.29) is image
