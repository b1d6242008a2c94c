"""Local equalisation: more contrast where there was little, shape and colour kept."""

import cv2
import numpy as np
import pytest

from pipeline.ops.contrast import CONTRASTS, equalise, equalise_strongly

FAINT = (100 + 4 * np.random.default_rng(0).standard_normal((64, 80))).astype(np.uint8)


def test_faint_structure_becomes_stronger():
    found = equalise(FAINT)
    assert found.std() > 1.5 * FAINT.std()
    assert np.corrcoef(found.ravel(), FAINT.ravel())[0, 1] > 0.9
    assert found.shape == FAINT.shape
    assert found.dtype == np.uint8


def test_grey_stays_grey_whether_given_as_one_channel_or_three():
    found = equalise(np.dstack([FAINT] * 3)).astype(int)
    assert np.abs(found - found[..., :1]).max() <= 1
    assert np.abs(found[..., 0] - equalise(FAINT)).mean() < 8


@pytest.mark.parametrize("hw", [(1, 1), (3, 200), (8, 8)])
def test_small_images(hw):
    assert equalise(np.full(hw, 90, np.uint8)).shape == hw


def test_the_same_image_gives_the_same_bytes():
    assert np.array_equal(equalise(FAINT), equalise(FAINT))


@pytest.mark.parametrize(
    ("change", "limit", "tiles"), [(equalise, 2.0, 8), (equalise_strongly, 4.0, 4)]
)
def test_both_strengths_are_opencvs_clahe_of_the_documented_limit_and_tiles(change, limit, tiles):
    expected = cv2.createCLAHE(limit, (tiles, tiles)).apply(FAINT)
    assert np.array_equal(change(FAINT), expected)


def test_a_contrast_is_found_by_its_name():
    assert np.array_equal(CONTRASTS["as_is"](FAINT), FAINT)
    assert CONTRASTS["equalised"] is equalise
    assert CONTRASTS["strong"] is equalise_strongly
