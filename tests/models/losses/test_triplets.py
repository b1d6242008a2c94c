import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from models.losses.triplets import (
    component_adaptive_triplet,
    conditional_triplet,
    cross_band_triplet,
    hardest_prototype_triplet,
    mask_iou,
)


def slow_cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(x * x for x in b))


def test_conditional_triplet_by_hand():
    # S_p = 1, S_n = 0: (0 + 1) / (1 + 1) = 0.5 < 0.55; S_p = 0, S_n = 1: 2 / 1 - 0.55.
    x, y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert conditional_triplet(x, x, y).item() == 0.0
    assert conditional_triplet(x, y, x).item() == pytest.approx(1.45)


def test_l_cat_is_equations_1_and_2():
    torch.manual_seed(0)
    a, p, n = torch.randn(3, 2, 5, 4).double()
    masks_a, masks_p = torch.rand(2, 2, 5, 6, 6) > 0.5
    expected = []
    for i in range(2):
        total = 0.0
        for c in range(5):
            pairs = list(
                zip(masks_a[i, c].flatten().tolist(), masks_p[i, c].flatten().tolist(), strict=True)
            )
            weight = sum(q and r for q, r in pairs) / sum(q or r for q, r in pairs)
            s_p = slow_cosine(a[i, c].tolist(), p[i, c].tolist())
            s_n = slow_cosine(a[i, c].tolist(), n[i, c].tolist())
            total += weight * max((s_n + 1) / (s_p + 1) - 0.55, 0.0)
        expected.append(total)
    found = component_adaptive_triplet(a, p, n, masks_a, masks_p)
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


def test_l_cat_has_the_gradients_of_the_function():
    torch.manual_seed(2)
    vectors = [torch.randn(2, 5, 3).double().requires_grad_() for _ in range(3)]
    masks = torch.rand(2, 2, 5, 4, 4) > 0.5
    assert torch.autograd.gradcheck(
        lambda a, p, n: component_adaptive_triplet(a, p, n, masks[0], masks[1]), vectors
    )


def test_a_component_that_nobody_shows_teaches_nothing():
    a, p, n = (torch.randn(1, 1, 4, requires_grad=True) for _ in range(3))
    nothing = torch.zeros(1, 1, 3, 3, dtype=torch.bool)
    loss = component_adaptive_triplet(a, p, n, nothing, nothing)
    loss.sum().backward()
    assert loss.tolist() == [0.0]
    assert not a.grad.any()
    assert mask_iou(nothing, ~nothing).tolist() == [[0.0]]


def test_opposite_vectors_leave_the_loss_finite():
    x = torch.tensor([1.0, 0.0], requires_grad=True)
    loss = conditional_triplet(x, -x.detach(), x.detach())
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(x.grad).all()


def test_hardest_prototype_by_hand():
    positive = torch.tensor([0.5, 0.5])
    negatives = torch.tensor([[0.4, 0.9, 0.1], [0.4, 0.9, 0.1]])
    allowed = torch.tensor([[True, False, True], [False, False, False]])
    assert hardest_prototype_triplet(positive, negatives, allowed, 0.3).tolist() == pytest.approx(
        [0.2, 0.0]
    )


def test_plain_triplets_take_the_nearest_stranger_of_both_bands():
    first, second = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(3)).double()
    found = cross_band_triplet(first, second, 0.3)
    for band, (mine, other) in enumerate([(first, second), (second, first)]):
        for i in range(4):
            strangers = [v[j] for v in (first, second) for j in range(4) if j != i]
            nearest = max(F.cosine_similarity(mine[i], s, dim=0).item() for s in strangers)
            positive = F.cosine_similarity(mine[i], other[i], dim=0).item()
            assert found[4 * band + i].item() == pytest.approx(max(0, nearest - positive + 0.3))
    torch.autograd.gradcheck(lambda x: cross_band_triplet(x, second, 0.3), first.requires_grad_())
