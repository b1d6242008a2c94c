import math

import pytest
import torch

from models.losses.conditional import component_adaptive_triplet
from models.pram.losses import mask_iou


def slow_cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(x * x for x in b))


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
    found = component_adaptive_triplet(a, p, n, mask_iou(masks_a, masks_p).double())
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


def test_l_cat_has_the_gradients_of_the_function():
    torch.manual_seed(2)
    vectors = [torch.randn(2, 5, 3).double().requires_grad_() for _ in range(3)]
    weights = mask_iou(*(torch.rand(2, 2, 5, 4, 4) > 0.5)).double()
    assert torch.autograd.gradcheck(
        lambda a, p, n: component_adaptive_triplet(a, p, n, weights), vectors
    )


def test_a_component_that_nobody_shows_teaches_nothing():
    a, p, n = (torch.randn(1, 1, 4, requires_grad=True) for _ in range(3))
    nothing = torch.zeros(1, 1, 3, 3, dtype=torch.bool)
    loss = component_adaptive_triplet(a, p, n, mask_iou(nothing, nothing))
    loss.sum().backward()
    assert loss.tolist() == [0.0]
    assert not a.grad.any()
    assert mask_iou(nothing, ~nothing).tolist() == [[0.0]]
