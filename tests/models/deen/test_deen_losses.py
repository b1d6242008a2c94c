"""DEEN's losses: worked by hand, by plain loops in float64, and their gradients."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from models.deen.losses import center_guided, orthogonality, weighted_triplet

LABELS = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
INFRARED = [False, False, True, True, False, True, True, False, False, True, False]
"""Of the last subject there is no infra-red image."""


def drawn(branches=2, width=5, scale=1.0):
    rng = np.random.default_rng(branches)
    return scale * rng.normal(size=(len(LABELS), 1 + branches, width))


def slow_centers(features, side):
    """By subject the mean of its embeddings of a band, by branch."""
    found = {}
    for subject in sorted(set(LABELS)):
        mine = [
            each
            for each, label, infrared in zip(features, LABELS, INFRARED, strict=True)
            if label == subject and infrared == side
        ]
        if mine:
            found[subject] = np.mean(mine, axis=0)
    return found


def slow_center_guided(features, margin):
    visible, infrared = (slow_centers(features, side) for side in (False, True))
    subjects = sorted(visible.keys() & infrared.keys())
    total = 0.0
    for branch in range(1, features.shape[1]):
        for own, other in ((visible, infrared), (infrared, visible)):
            for subject in subjects:
                across = math.dist(other[subject][0], own[subject][branch])
                total_here = max(
                    0.0, across - math.dist(own[subject][0], own[subject][branch]) + margin
                )
                for which in (branch, 0):
                    nearest = min(
                        math.dist(own[subject][which], own[one][which])
                        for one in subjects
                        if one != subject
                    )
                    total_here += 0.5 * max(0.0, across - nearest + margin)
                total += total_here / len(subjects) / 2
    return total


def slow_weighted(features, labels):
    losses = []
    for anchor, label in enumerate(labels):
        gaps = [math.dist(features[anchor], each) for each in features]
        mates = [d for i, d in enumerate(gaps) if labels[i] == label and i != anchor]
        others = [d for i, d in enumerate(gaps) if labels[i] != label]
        if not mates or not others:
            continue
        far = sum(d * math.exp(d) for d in mates) / sum(math.exp(d) for d in mates)
        near = sum(d * math.exp(-d) for d in others) / sum(math.exp(-d) for d in others)
        losses.append(math.log1p(math.exp(far - near)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("branches", [1, 2, 3])
@pytest.mark.parametrize("margin", [0.0, 0.2, 1.5])
def test_center_guided_pairs_are_those_of_plain_loops(branches, margin):
    features = drawn(branches)
    found = center_guided(
        torch.tensor(features), torch.tensor(LABELS), torch.tensor(INFRARED), margin
    )
    expected = slow_center_guided(features, margin)
    assert expected > 0
    assert found.item() == pytest.approx(expected, abs=1e-12)


def test_center_guided_pairs_on_a_line():
    # two people, an image in each band, one generated embedding: (own, generated)
    features = torch.tensor([[[0.0], [2.0]], [[3.0], [4.0]], [[10.0], [9.0]], [[12.0], [15.0]]])
    labels, infrared = torch.tensor([0, 0, 1, 1]), torch.tensor([False, True, False, True])
    # visible: |3 − 2| − |0 − 2| + 0.2 < 0; |12 − 9| − |10 − 9| + 0.2 = 2.2; others are far: 7, 10
    # infra-red: |0 − 4| − |3 − 4| + 0.2 = 3.2; |10 − 15| − |12 − 15| + 0.2 = 2.2; others 11, 9
    found = center_guided(features, labels, infrared, 0.2)
    assert found.item() == pytest.approx(((0 + 2.2) / 2 + (3.2 + 2.2) / 2) / 2)


def test_the_distance_to_the_own_center_has_no_gradient():
    features = torch.tensor(
        [[[0.0], [2.0]], [[3.0], [4.0]], [[10.0], [9.0]], [[12.0], [15.0]]], requires_grad=True
    )
    labels, infrared = torch.tensor([0, 0, 1, 1]), torch.tensor([False, True, False, True])
    center_guided(features, labels, infrared, 0.2).backward()
    # infra-red images' generated 4 is pulled to the visible 0: (4 − 0) / (2 subjects · 2 bands);
    # that it may leave its own 3 gives the 3 nothing, but 3 is also where visible 2 may go: in vain
    assert features.grad[1, 1].item() == pytest.approx(0.25)
    assert features.grad[1, 0].item() == 0.0


def test_who_is_alone_has_no_others_and_who_lacks_a_band_no_pairs():
    features = torch.tensor([[[0.0], [2.0]], [[3.0], [4.0]]], requires_grad=True)
    labels = torch.tensor([5, 5])
    alone = center_guided(features, labels, torch.tensor([False, True]), 0.0)
    assert alone.item() == pytest.approx((0 + 3) / 2)  # |3 − 2| < |0 − 2|; |0 − 4| − |3 − 4|
    nobody = center_guided(features, labels, torch.tensor([True, True]), 0.0)
    nobody.backward()
    assert nobody.item() == 0.0


@pytest.mark.parametrize("branches", [1, 2, 4])
def test_orthogonality_is_the_sum_over_pairs_of_generated_embeddings(branches):
    features = drawn(branches)
    expected = sum(
        float(one @ other) for each in features for one, other in combinations(each[1:], 2)
    )
    found = orthogonality(torch.tensor(features)).item()
    assert found == pytest.approx(expected / (len(features) * (1 + branches)), abs=1e-12)


def test_orthogonality_by_hand():
    features = torch.tensor([[[9.0, 9.0], [1.0, 2.0], [3.0, 4.0]]])
    assert orthogonality(features).item() == pytest.approx((3 + 8) / 3)


def test_weighted_triplets_are_those_of_plain_loops():
    features = drawn()[:, 0]
    found = weighted_triplet(torch.tensor(features), torch.tensor(LABELS)).item()
    assert found == pytest.approx(slow_weighted(features, LABELS), abs=1e-12)


def test_weighted_triplets_of_nobody_are_nothing():
    features = torch.zeros(2, 3, requires_grad=True)
    loss = weighted_triplet(features, torch.tensor([0, 1]))
    loss.backward()
    assert loss.item() == 0.0


@pytest.mark.parametrize(
    "loss",
    [
        lambda f: orthogonality(f),
        lambda f: weighted_triplet(f[:, 0], torch.tensor(LABELS)),
    ],
    ids=["orthogonality", "weighted"],
)
def test_gradients_are_those_of_differences(loss):
    torch.autograd.gradcheck(loss, torch.tensor(drawn(), requires_grad=True))


def test_the_gradient_of_center_guided_pairs_is_that_of_differences_with_the_kept_distance_fixed():
    """``gradcheck`` would move the distance that has no gradient, so it is held by hand."""
    features = torch.tensor(drawn(1), requires_grad=True)
    labels, infrared = torch.tensor(LABELS), torch.tensor(INFRARED)
    center_guided(features, labels, infrared, 20.0).backward()  # every hinge is open

    def value(numbers):
        kept = 0.0
        visible, thermal = (slow_centers(numbers, side) for side in (False, True))
        both = sorted(visible.keys() & thermal.keys())
        for own in (visible, thermal):
            kept += sum(math.dist(own[s][0], own[s][1]) for s in both) / len(both) / 2
        return slow_center_guided(numbers, 20.0) + kept

    step, start = 1e-6, features.detach().numpy()
    for place in np.ndindex(start.shape):
        up, down = start.copy(), start.copy()
        up[place] += step
        down[place] -= step
        expected = (value(up) - value(down)) / (2 * step)
        assert features.grad[place].item() == pytest.approx(expected, abs=1e-6)
