"""Crops: where each policy puts the image, and that nothing else of the image is read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bodies.crops import POLICIES, body_window, crop_body
from pipeline.ops.geometry import transform_points

HW = (384, 128)


def ramp(height=200, width=300):
    """An image whose red is x and whose green is y."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x % 256, y, np.full_like(x, 200)], axis=-1).astype(np.uint8)


def test_stretch_takes_exactly_the_box():
    box = np.float32([19.5, 9.5, 83.5, 201.5])  # 64 × 192 pixels, edges between pixels
    image = ramp(220)
    crop = crop_body(image, box, (192, 64), policy="stretch")
    np.testing.assert_array_equal(crop.image, image[10:202, 20:84])
    np.testing.assert_allclose(crop.warp_2x3, [[1, 0, -20], [0, 1, -10]], atol=1e-5)


def test_stretch_turns_a_box_of_other_proportions_into_all_of_the_crop():
    box = np.float32([9.5, 9.5, 109.5, 109.5])
    crop = crop_body(ramp(), box, HW, policy="stretch")
    corners = transform_points(box.reshape(2, 2), crop.warp_2x3)
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [127.5, 383.5]], atol=1e-4)
    assert crop.image[..., 2].min() == 200


def test_pad_keeps_proportions_and_leaves_black_beside_the_box():
    box = np.float32([99.5, 49.5, 199.5, 149.5])  # square: 128 × 128 of 384 rows
    crop = crop_body(ramp(), box, HW, policy="pad")
    blue = crop.image[..., 2]
    assert (blue[:128] == 0).all()
    assert (blue[256:] == 0).all()
    assert (blue[129:255] == 200).all()
    assert crop.warp_2x3[0, 0] == pytest.approx(crop.warp_2x3[1, 1])


def test_context_shows_the_image_beside_the_box_and_black_beyond_it():
    box = np.float32([99.5, 49.5, 199.5, 149.5])  # grows to rows −50 … 249 of an image of 200
    crop = crop_body(ramp(), box, HW, policy="context")
    blue = crop.image[:, 64, 2]
    assert (blue[70:315] == 200).all()
    assert (blue[:60] == 0).all()
    assert (blue[325:] == 0).all()


@pytest.mark.parametrize("policy", sorted(POLICIES))
@pytest.mark.parametrize("side", [20, 48, 100, 150])  # enlarged, and reduced by less than two
def test_a_body_at_the_images_edge_has_no_dark_rim(side, policy):
    image = np.full((3 * side, side), 200, np.uint8)
    box = np.float32([-0.5, -0.5, side - 0.5, 3 * side - 0.5])
    crop = crop_body(image, box, HW, policy=policy)
    assert crop.shown.all()
    assert (crop.image == 200).all()


def test_a_margin_widens_the_box_by_a_share_of_its_sides():
    window, shown = body_window(
        np.float32([10, 20, 30, 60]), (2, 1), policy="stretch", margin_fraction=0.5
    )
    assert window.tolist() == shown.tolist() == [0, 0, 40, 80]


def test_grey_images_stay_grey_and_tiny_ones_work():
    crop = crop_body(
        np.full((2, 1), 77, np.uint8), np.float32([-0.5, -0.5, 0.5, 1.5]), HW, policy="context"
    )
    assert crop.image.shape == HW
    assert crop.image[192, 64] == 77


def test_a_large_reduction_does_not_alias():
    checker = np.indices((1200, 400)).sum(axis=0).astype(np.uint8) % 2 * 255
    crop = crop_body(checker, np.float32([-0.5, -0.5, 399.5, 1199.5]), (96, 32), policy="stretch")
    assert np.abs(crop.image[2:-2, 2:-2].astype(int) - 127).max() < 20


@pytest.mark.parametrize("bad", [[0, 0, 0, 9], [9, 0, 1, 9], [np.nan, 0, 9, 9]])
def test_boxes_without_an_area_are_refused(bad):
    with pytest.raises(ValueError, match="area"):
        crop_body(ramp(), np.float32(bad), HW, policy="pad")
    with pytest.raises(ValueError, match="none of"):
        crop_body(ramp(), np.float32([0, 0, 9, 9]), HW, policy="fill")


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((200, 300, 3), np.float32),  # of 0 to 1 it would become all black
        np.zeros((3, 200, 300), np.uint8),
        np.zeros((200, 300, 4), np.uint8),
        np.zeros((0, 300), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match=r"expected uint8 \(h, w, 3\) or \(h, w\)"):
        crop_body(image, np.float32([0, 0, 9, 9]), HW, policy="pad")


side = st.floats(4, 150)


@given(st.floats(-20, 280), st.floats(-20, 180), side, side, st.sampled_from(sorted(POLICIES)))
def test_the_window_holds_the_box_about_its_centre_in_the_crops_proportions(x, y, w, h, policy):
    box = np.array([x, y, x + w, y + h], np.float32)
    window, shown = body_window(box, HW, policy=policy)
    assert (window[:2] <= box[:2] + 1e-4).all()
    assert (window[2:] >= box[2:] - 1e-4).all()
    np.testing.assert_allclose(window[:2] + window[2:], box[:2] + box[2:], atol=1e-3)
    if policy != "stretch":
        sides = window[2:] - window[:2]
        assert sides[1] / sides[0] == pytest.approx(3.0)
    if policy != "context":
        np.testing.assert_allclose(shown, box, atol=1e-4)
    assert crop_body(ramp(), box, HW, policy=policy).image.shape == (*HW, 3)
