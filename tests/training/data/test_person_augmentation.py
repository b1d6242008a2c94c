"""Changes to crops of people, each on its own."""

import numpy as np
import pytest

from pipeline.params.body_training import AugmentationParams
from pipeline.training.data.person_augmentation import PersonAugmentation

NONE = {"mirror": 0.0, "pad_px": 0, "erase": 0.0, "grey": 0.0, "one_channel": 0.0}


def images(count=6, hw=(24, 8)):
    rng = np.random.default_rng(1)
    return (
        rng.integers(0, 100, (count, *hw, 3), dtype=np.uint8),
        rng.integers(1, 4, (count, *hw), dtype=np.uint8),
    )


def changed(seed=0, **params):
    made = PersonAugmentation(AugmentationParams(**NONE | params))
    before, regions = images()
    drawn = made.draw(np.random.default_rng(seed), len(before))
    return before, regions, *made.apply(before, regions, drawn)


def test_without_chances_nothing_changes():
    before, regions, after, laid = changed()
    np.testing.assert_array_equal(after, before)
    np.testing.assert_array_equal(laid, regions)


def test_a_mirror_turns_image_and_regions():
    before, regions, after, laid = changed(mirror=1.0)
    np.testing.assert_array_equal(after, before[:, :, ::-1])
    np.testing.assert_array_equal(laid, regions[:, :, ::-1])


def test_padding_moves_image_and_regions_together_and_leaves_black():
    seen = set()
    for seed in range(30):
        before, regions, after, laid = changed(seed, pad_px=2)
        np.testing.assert_array_equal(laid == 0, (after == 0).all(axis=3) & (laid == 0))
        for one, moved, labels, shifted in zip(before, after, regions, laid, strict=True):
            rows, columns = np.nonzero(shifted)
            down, right = _shift(one, moved)
            seen |= {down, right}
            np.testing.assert_array_equal(moved[rows, columns], one[rows - down, columns - right])
            np.testing.assert_array_equal(
                shifted[rows, columns], labels[rows - down, columns - right]
            )
            assert len(rows) == (24 - abs(down)) * (8 - abs(right))
    assert seen == {-2, -1, 0, 1, 2}


def test_padding_wider_than_the_image_moves_it_out_of_sight_at_most():
    shares = []
    for seed in range(10):
        before, _, after, laid = changed(seed, pad_px=40)
        assert after.shape == before.shape
        shares += (laid > 0).mean(axis=(1, 2)).tolist()
    assert min(shares) == 0.0 < max(shares)


def _shift(before, after):
    """Find by how much an image was moved, by trying all."""
    height, width = before.shape[:2]
    for down in range(-2, 3):
        for right in range(-2, 3):
            there = after[
                max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)
            ]
            here = before[
                max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)
            ]
            if (there == here).all():
                return down, right
    raise AssertionError("moved by no more than two pixels")


def test_grey_is_the_luma_in_all_channels():
    before, _, after, _ = changed(grey=1.0)
    luma = np.rint(before @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    np.testing.assert_allclose(after, luma[..., None].repeat(3, 3), atol=1)


def test_one_channel_stands_for_all_three_each_in_turn():
    before, _, after, _ = changed(one_channel=1.0)
    found = []
    for one, made in zip(before, after, strict=True):
        assert (made == made[..., :1]).all()
        found += [c for c in range(3) if (made[..., 0] == one[..., c]).all()]
    assert len(found) == len(before)
    assert len(set(found)) > 1


def test_erasing_fills_one_rectangle_of_the_allowed_area():
    for seed in range(10):
        before, regions, after, laid = changed(seed, erase=1.0)
        np.testing.assert_array_equal(laid, regions)
        for one, made in zip(before, after, strict=True):
            rows, columns = np.nonzero((one != made).any(axis=2))
            box = made[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert (box == 127).all()
            assert 0.01 < box[..., 0].size / one[..., 0].size < 0.5


def test_half_a_chance_changes_about_half():
    made = PersonAugmentation(AugmentationParams(**NONE | {"mirror": 0.5}))
    before, regions = (
        np.tile(np.arange(8, dtype=np.uint8)[None, None, :, None], (400, 2, 1, 3)),
        None,
    )
    regions = before[..., 0]
    after, _ = made.apply(before, regions, made.draw(np.random.default_rng(0), 400))
    assert (after[:, 0, 0, 0] == 7).mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (lambda i, r, d: (i / 255, r, d), r"uint8 \(n, h, w, 3\), got float64"),
        (lambda i, r, d: (i, r[:, 1:], d), r"uint8 \(6, 24, 8\), got uint8 \(6, 23, 8\)"),
        (lambda i, r, d: (i, r, d[:, 1:]), r"draws \(6, 47\), got \(6, 46\)"),
    ],
)
def test_other_arrays_are_refused(other, words):
    made = PersonAugmentation(AugmentationParams(**NONE))
    drawn = made.draw(np.random.default_rng(0), 6)
    with pytest.raises(ValueError, match=words):
        made.apply(*other(*images(), drawn))
