import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.data.augmentation import FACES, apply

STILL = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.float32)
"""Draws that change nothing."""


def images(count, height, width, seed=0):
    """Smooth ones, so that a rounding of coordinates changes values by little."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 4, 3))
    rows, columns = np.linspace(0, 3, height), np.linspace(0, 3, width)
    smooth = np.empty((count, height, width, 3))
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            smooth[:, y, x] = bilinear(coarse, row, column)
    return smooth.astype(np.uint8)


def bilinear(pixels, row, column):
    """Values (…, 3) at a point of (…, h, w, 3), 0 beyond the edge."""
    found = 0.0
    for y in (math.floor(row), math.floor(row) + 1):
        for x in (math.floor(column), math.floor(column) + 1):
            if 0 <= y < pixels.shape[-3] and 0 <= x < pixels.shape[-2]:
                weight = (1 - abs(row - y)) * (1 - abs(column - x))
                found = found + weight * pixels[..., y, x, :]
    return found


@pytest.mark.parametrize(
    ("batch", "drawn", "words"),
    [
        (np.zeros((2, 8, 8, 3)), STILL[None].repeat(2, 0), r"uint8 \(n, h, w, 3\), got float64"),
        (images(2, 8, 8)[..., :2], STILL[None].repeat(2, 0), r"got uint8 \(2, 8, 8, 2\)"),
        (images(2, 8, 8), STILL[None], r"float32 \(2, 8\), got float32 \(1, 8\)"),
        (images(1, 8, 8), STILL[None].astype(float), r"float32 \(1, 8\), got float64 \(1, 8\)"),
    ],
)
def test_other_arrays_are_refused(batch, drawn, words):
    with pytest.raises(ValueError, match=words):
        apply(batch, drawn)


def grey(pixels):
    return pixels @ np.array([0.299, 0.587, 0.114])


def slow(image, drawn):
    """The same for one image, step by step: where each pixel of the image goes to, inverted."""
    mirror, angle, down, right, scale, brightness, contrast, saturation = drawn.astype(float)
    height, width = image.shape[:2]
    given = image[:, ::-1] if mirror else image
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    lit = np.zeros((height, width, 3))
    for y in range(height):
        for x in range(width):
            moved = np.array([x, y]) - middle - [right * width, down * height]
            column, row = np.linalg.solve(scale * turn, moved) + middle
            lit[y, x] = bilinear(given, row, column)
    lit = np.clip(brightness * lit, 0, 255)
    mean = grey(lit).mean()
    dull = np.clip(contrast * lit + (1 - contrast) * mean, 0, 255)
    return np.clip(saturation * dull + (1 - saturation) * grey(dull)[..., None], 0, 255)


@given(seed=st.integers(0, 99), hw=st.sampled_from([(12, 12), (20, 9), (7, 16)]))
def test_a_batch_is_what_image_by_image_gives(seed, hw):
    batch = images(3, *hw, seed=seed)
    drawn = FACES.draw(np.random.default_rng(seed), 3)
    made = apply(batch, drawn)
    assert made.dtype == np.uint8
    assert made.shape == batch.shape
    for image, own, changed in zip(batch, drawn, made, strict=True):
        assert np.abs(slow(image, own) - changed).max() < 1.01


def test_draws_that_change_nothing_change_nothing():
    batch = np.random.default_rng(0).integers(0, 256, (2, 9, 11, 3), np.uint8)
    assert (apply(batch, np.stack([STILL] * 2)) == batch).all()
    mirrored = STILL.copy()
    mirrored[0] = 1
    assert (apply(batch, np.stack([STILL, mirrored]))[1] == batch[1, :, ::-1]).all()


def test_a_shift_by_whole_pixels_leaves_black_behind():
    batch = np.full((1, 10, 20, 3), 200, np.uint8)
    moved = STILL.copy()
    moved[2:4] = 0.3, -0.1
    wanted = np.zeros_like(batch)
    wanted[:, 3:, :18] = 200
    assert (apply(batch, moved[None]) == wanted).all()


@given(seed=st.integers(0, 50), count=st.integers(1, 9))
def test_no_image_depends_on_its_batch(seed, count):
    batch = np.random.default_rng(seed).integers(0, 256, (count, 14, 10, 3), np.uint8)
    drawn = FACES.draw(np.random.default_rng(seed), count)
    order = np.random.default_rng(seed).permutation(count)
    whole = apply(batch, drawn)
    assert (apply(batch[order], drawn[order]) == whole[order]).all()
    assert all((apply(batch[i : i + 1], drawn[i : i + 1])[0] == whole[i]).all() for i in order)


def test_draws_keep_to_their_ranges():
    drawn = FACES.draw(np.random.default_rng(0), 4000)
    assert drawn[:, 0].mean() == pytest.approx(0.5, abs=0.05)
    assert (drawn[:, 7] == 0).mean() == pytest.approx(0.5, abs=0.05)
    assert np.rad2deg(np.abs(drawn[:, 1]).max()) == pytest.approx(6.0, abs=0.1)
    assert np.abs(drawn[:, 2:4]).max() == pytest.approx(0.03, abs=0.001)
    for column, most in ((4, 0.06), (5, 0.35), (6, 0.35)):
        assert drawn[:, column].min() == pytest.approx(1 - most, abs=0.01)
        assert drawn[:, column].max() == pytest.approx(1 + most, abs=0.01)


def test_equal_seeds_give_equal_images_and_the_given_ones_stay():
    batch = images(4, 12, 12)
    before = batch.copy()
    one, two = (FACES(batch, np.random.default_rng(3)) for _ in range(2))
    assert (one == two).all()
    assert (batch == before).all()
    assert (one != batch).any(axis=(1, 2, 3)).all()


def test_an_image_that_does_not_lie_whole_in_memory_is_taken():
    batch = images(2, 12, 24)[:, :, ::2]
    drawn = FACES.draw(np.random.default_rng(0), 2)
    assert (apply(batch, drawn) == apply(batch.copy(), drawn)).all()
