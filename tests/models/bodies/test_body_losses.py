"""Batch-hard triplets by hand, and properties of the hard pairs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.bodies.losses import batch_hard, hard_pair_shares, random_pair_shares

LINE = torch.tensor([[0.0], [3.0], [4.0], [9.0]])
"""Two of one subject at 0 and 3, two of another at 4 and 9."""
SUBJECTS = torch.tensor([0, 0, 1, 1])


def test_the_hardest_pairs_on_a_line():
    pairs = batch_hard(LINE, SUBJECTS, 0.0)
    assert pairs.positive.tolist() == [1, 0, 3, 2]
    assert pairs.negative.tolist() == [2, 2, 1, 1]
    # farthest mate less nearest other: 3 - 4, 3 - 1, 5 - 1, 5 - 6
    assert pairs.loss.tolist() == pytest.approx([0.0, 2.0, 4.0, 0.0])
    assert pairs.mean().item() == pytest.approx(1.5)


def test_the_margin_is_added_before_the_hinge_and_the_soft_one_has_none():
    assert batch_hard(LINE, SUBJECTS, 0.3).loss.tolist() == pytest.approx([0.0, 2.3, 4.3, 0.0])
    soft = [math.log(1 + math.exp(gap)) for gap in (-1, 2, 4, -1)]
    assert batch_hard(LINE, SUBJECTS, None).loss.tolist() == pytest.approx(soft)


def test_an_anchor_without_mate_or_without_other_does_not_count():
    alone = batch_hard(LINE[:3], SUBJECTS[:3], 0.5)
    assert alone.counts.tolist() == [True, True, False]
    assert alone.loss[2].item() == 0.0
    nobody_else = batch_hard(LINE[:2], SUBJECTS[:2], 0.5)
    assert not nobody_else.counts.any()
    assert nobody_else.mean().item() == 0.0


def test_equal_features_have_a_finite_gradient():
    features = torch.zeros(4, 3, requires_grad=True)
    batch_hard(features, SUBJECTS, 0.3).mean().backward()
    assert torch.isfinite(features.grad).all()


def test_shares_of_hard_pairs_by_band():
    pairs = batch_hard(LINE, SUBJECTS, 0.0)
    across, within = hard_pair_shares(pairs, torch.tensor([0, 1, 0, 0]))
    assert across.item() == pytest.approx(2 / 4)  # 0-1 both ways; 2 and 3 share a band
    assert within.item() == pytest.approx(1 / 4)  # 0-2 alone


def test_shares_of_random_pairs_by_hand():
    # anchors a1, a1, a2 and b1, b2 (subject and band); c1 has no mate and does not count
    labels, bands = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([1, 1, 2, 1, 2, 1])
    across, within = random_pair_shares(labels, bands)
    assert across.item() == pytest.approx((1 / 2 + 1 / 2 + 2 / 2 + 1 / 1 + 1 / 1) / 5)
    assert within.item() == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 3 / 4 + 1 / 4) / 5)


def test_with_one_image_a_band_every_positive_lies_across_bands_hard_or_random():
    labels, bands = torch.arange(3).repeat_interleave(4), torch.arange(4).repeat(3)
    pairs = batch_hard(torch.randn(12, 5, generator=torch.manual_seed(0)), labels, 0.0)
    hard, random = hard_pair_shares(pairs, bands), random_pair_shares(labels, bands)
    assert hard[0].item() == random[0].item() == 1.0
    assert random[1].item() == pytest.approx(1 / 4)


@given(
    st.lists(st.tuples(st.floats(-9, 9), st.integers(0, 3), st.integers(0, 1)), min_size=2),
    st.floats(0, 2),
)
def test_no_pair_is_harder_than_the_hardest(images, margin):
    features = torch.tensor([[place] for place, _, _ in images])
    labels = torch.tensor([label for _, label, _ in images])
    pairs = batch_hard(features, labels, margin)
    places = [place for place, _, _ in images]
    for index, counts in enumerate(pairs.counts.tolist()):
        mates = [n for n in range(len(places)) if labels[n] == labels[index] and n != index]
        others = [n for n in range(len(places)) if labels[n] != labels[index]]
        assert counts == bool(mates and others)
        if counts:
            farthest = max(abs(places[n] - places[index]) for n in mates)
            nearest = min(abs(places[n] - places[index]) for n in others)
            expected = max(0.0, margin + farthest - nearest)
            assert pairs.loss[index].item() == pytest.approx(expected, abs=1e-4)
    across, within = hard_pair_shares(pairs, torch.tensor([band for _, _, band in images]))
    assert 0.0 <= across.item() <= 1.0
    assert 0.0 <= within.item() <= 1.0
