import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from models.losses.triplets import (
    both_ways_triplet,
    cross_band_triplet,
    hardest_prototype_triplet,
)


def test_hardest_prototype_by_hand():
    positive = torch.tensor([0.5, 0.5])
    negatives = torch.tensor([[0.4, 0.9, 0.1], [0.4, 0.9, 0.1]])
    allowed = torch.tensor([[True, False, True], [False, False, False]])
    assert hardest_prototype_triplet(positive, negatives, allowed, 0.3).tolist() == pytest.approx(
        [0.2, 0.0]
    )


def test_triplets_take_the_nearest_negative_of_both_bands():
    first, second = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(3)).double()
    found = cross_band_triplet(first, second, 0.3)
    for band, (mine, other) in enumerate([(first, second), (second, first)]):
        for i in range(4):
            negatives = [v[j] for v in (first, second) for j in range(4) if j != i]
            nearest = max(F.cosine_similarity(mine[i], s, dim=0).item() for s in negatives)
            positive = F.cosine_similarity(mine[i], other[i], dim=0).item()
            assert found[4 * band + i].item() == pytest.approx(max(0, nearest - positive + 0.3))
    torch.autograd.gradcheck(lambda x: cross_band_triplet(x, second, 0.3), first.requires_grad_())


def test_triplets_both_ways_by_hand():
    """At right angles ‖a − n‖² is 2; the pairs are 60 degrees apart, ‖a − p‖² = 1."""
    half, high = 0.5, math.sqrt(0.75)
    first = torch.tensor([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])
    second = torch.tensor([[half, high, 0, 0], [0, 0, half, high]]) * 7
    assert both_ways_triplet(first, second, 1.5).tolist() == pytest.approx([0.5] * 4)
    assert both_ways_triplet(first, second, 0.9).tolist() == [0.0] * 4


def test_both_ways_the_nearest_of_the_other_band_is_the_negative():
    first = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    second = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    # the second subject's image in the other band looks like the first: 2 − 0 + m; of the second
    # band as anchor: 0 − 2 + m, and 2 − 0 + m
    assert both_ways_triplet(first, second, 0.5).tolist() == pytest.approx([0.5, 0.5, 0.0, 2.5])
