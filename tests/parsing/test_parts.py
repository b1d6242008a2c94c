"""Part masks, boxes, windows and crops, by hand-worked values."""

import numpy as np
import pytest

from pipeline.parsing.measures import face_likeness
from pipeline.parsing.parts import (
    centre_distance_percent,
    crop_part,
    part_boxes,
    part_masks,
    part_windows,
)
from pipeline.types import FACE_PARTS
from pipeline.types import FaceClass as C


def labelled(**areas):
    labels = np.full((60, 80), C.SKIN, dtype=np.uint8)
    for name, (x1, y1, x2, y2) in areas.items():
        labels[y1:y2, x1:x2] = C[name]
    return labels


def test_each_part_takes_its_classes():
    labels = labelled(
        LEFT_EYE=(50, 10, 60, 14),
        RIGHT_EYE=(20, 10, 30, 14),
        NOSE=(36, 20, 44, 32),
        UPPER_LIP=(30, 40, 50, 43),
        MOUTH_INNER=(30, 43, 50, 46),
        LOWER_LIP=(30, 46, 50, 50),
    )
    masks = part_masks(np.stack([labels, labels]))
    assert masks.shape == (2, 4, 60, 80)
    assert masks.dtype == bool
    expected = [
        [49.5, 9.5, 59.5, 13.5],
        [19.5, 9.5, 29.5, 13.5],
        [35.5, 19.5, 43.5, 31.5],
        [29.5, 39.5, 49.5, 49.5],
    ]
    assert part_boxes(masks, min_pixels=1).tolist() == [expected, expected]


def test_glasses_hide_the_eyes_and_nothing_is_invented():
    boxes = part_boxes(part_masks(labelled(GLASSES=(15, 5, 65, 20))), min_pixels=1)
    assert boxes.shape == (4, 4)
    assert np.isnan(boxes).all()


def test_a_stray_pixel_does_not_pull_the_box_but_stays_in_the_mask():
    labels = labelled(NOSE=(36, 20, 44, 32))
    labels[59, 0] = C.NOSE
    masks = part_masks(labels)
    assert masks[FACE_PARTS.index("nose"), 59, 0]
    assert part_boxes(masks, min_pixels=12)[2].tolist() == [35.5, 19.5, 43.5, 31.5]
    assert part_boxes(masks, min_pixels=1)[2].tolist() == [-0.5, 19.5, 43.5, 59.5]


def test_a_part_in_two_pieces_has_one_box():
    labels = labelled(UPPER_LIP=(30, 40, 50, 43), LOWER_LIP=(32, 46, 52, 50))
    assert part_boxes(part_masks(labels), min_pixels=12)[3].tolist() == [29.5, 39.5, 51.5, 49.5]


@pytest.mark.parametrize(("min_pixels", "found"), [(40, True), (41, False)])
def test_min_pixels_is_inclusive(min_pixels, found):
    masks = part_masks(labelled(LEFT_EYE=(50, 10, 60, 14)))
    assert np.isfinite(part_boxes(masks, min_pixels=min_pixels)[0]).all() == found


@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
def test_masks_of_numbers_are_refused(dtype):
    masks = part_masks(labelled(LEFT_EYE=(50, 10, 60, 14)))
    with pytest.raises(ValueError, match="expected bool masks"):
        part_boxes(masks.astype(dtype), min_pixels=1)


def test_no_faces_have_no_boxes():
    masks = part_masks(np.zeros((0, 60, 80), np.uint8))
    assert part_boxes(masks, min_pixels=1).shape == (0, 4, 4)


def test_windows_have_fixed_sides_and_keep_the_centre_past_the_frame():
    boxes = np.array(
        [[0, 0, 8, 4], [np.nan] * 4, [30, 20, 40, 36], [60, 50, 79, 59]], dtype=np.float32
    )
    windows = part_windows(boxes, eye_px=20, nose_px=24, mouth_px=30)
    assert windows[0].tolist() == [-6, -8, 14, 12]
    assert np.isnan(windows[1]).all()
    assert windows[2].tolist() == [23, 16, 47, 40]
    assert windows[3].tolist() == [54.5, 39.5, 84.5, 69.5]


def test_a_crop_at_the_windows_own_scale_is_a_slice():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    crop = crop_part(image, np.eye(2, 3), [9.5, 19.5, 29.5, 39.5], (20, 20))
    assert np.array_equal(crop, image[20:40, 10:30])


def test_a_crop_reaches_through_the_frame_into_the_source():
    """Source twice as fine as the frame: 10 frame pixels are 20 source pixels."""
    rng = np.random.default_rng(2)
    source = rng.integers(0, 256, (120, 160), dtype=np.uint8)
    source_to_frame = [[0.5, 0, -0.25], [0, 0.5, -0.25]]
    crop = crop_part(source, source_to_frame, [19.5, 9.5, 29.5, 19.5], (20, 20))
    assert np.array_equal(crop, source[20:40, 40:60])


def test_past_the_source_is_black():
    image = np.full((60, 80), 200, dtype=np.uint8)
    window = [-10.5, -0.5, 9.5, 19.5]
    black = crop_part(image, np.eye(2, 3), window, (20, 20))
    assert (black[:, :10] == 0).all()
    assert (black[:, 10:] == 200).all()


@pytest.mark.parametrize("window", [[np.nan] * 4, [5, 5, 5, 9], [9, 5, 5, 9]])
def test_a_part_that_was_not_found_has_no_crop(window):
    with pytest.raises(ValueError, match="no window"):
        crop_part(np.zeros((60, 80), np.uint8), np.eye(2, 3), window, (20, 20))


def test_centre_distance_is_a_share_of_the_interocular_distance():
    first = np.zeros((1, 4, 4), dtype=np.float32)
    second = first + np.array([3, 4, 3, 4], dtype=np.float32)
    second[0, 3] = np.nan
    percent = centre_distance_percent(first, second, np.array([50.0]))
    assert percent[0, :3].tolist() == [10, 10, 10]
    assert np.isnan(percent[0, 3])


def test_likeness_is_the_meshs_probability_times_the_share_of_parts_seen():
    labels = np.full((20, 20), C.SKIN, np.uint8)
    assert face_likeness(1.0, labels) == 0.0
    labels[:2, :5], labels[5:9, :4] = C.GLASSES, C.NOSE
    assert face_likeness(0.6, labels) == pytest.approx(0.4)
    labels[12, :7] = C.UPPER_LIP  # seven pixels are none
    assert face_likeness(0.6, labels) == pytest.approx(0.4)
    labels[13, 0] = C.MOUTH_INNER
    assert face_likeness(0.6, labels) == pytest.approx(0.6)
