import math

import pytest
import torch
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss

from models.losses.margins import (
    MARGINS,
    CosineClassifier,
    additive_angle,
    prototype_loss,
)


def slow_loss(features, weight, labels, kind, scale, margin):
    """One sample and one class at a time, as the papers write it."""
    total = 0.0
    for x, label in zip(features, labels, strict=True):
        terms = []
        for j, w in enumerate(weight):
            angle = math.acos(float(x @ w / (x.norm() * w.norm())))
            if j != label or kind == "softmax":
                cosine = math.cos(angle)
            elif kind == "am_softmax":
                cosine = math.cos(angle) - margin
            else:
                cosine = math.cos(angle + margin)
            terms.append(scale * cosine)
        total += math.log(sum(math.exp(t) for t in terms)) - terms[label]
    return total / len(labels)


@pytest.mark.parametrize("kind", sorted(MARGINS))
def test_classifier_follows_the_papers_equation(kind):
    torch.manual_seed(0)
    head = CosineClassifier(5, 7, loss=kind, scale=8.0).double()
    head.weight.data.normal_()
    features, labels = torch.randn(6, 7).double(), torch.tensor([0, 1, 2, 3, 4, 0])
    expected = slow_loss(features, head.weight.data, labels.tolist(), kind, 8.0, head.margin)
    assert head(features, labels).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "theirs"),
    [
        ("am_softmax", lambda: CosFaceLoss(5, 7, margin=0.4, scale=64)),
        ("arcface", lambda: ArcFaceLoss(5, 7, margin=math.degrees(0.5), scale=64)),
    ],
)
def test_classifier_agrees_with_a_public_library(kind, theirs):
    torch.manual_seed(0)
    head, other = CosineClassifier(5, 7, loss=kind), theirs()
    other.W.data = head.weight.data.T.clone()
    features, labels = torch.randn(9, 7), torch.arange(9) % 5
    assert head(features, labels).item() == pytest.approx(other(features, labels).item(), rel=1e-4)


@pytest.mark.parametrize("kind", sorted(MARGINS))
def test_gradients_are_those_of_the_function(kind):
    torch.manual_seed(1)
    head = CosineClassifier(4, 5, loss=kind, scale=4.0).double()
    features = torch.randn(3, 5).double().requires_grad_()
    labels = torch.tensor([0, 1, 3])
    assert torch.autograd.gradcheck(lambda x: head(x, labels), (features,))


def test_arcface_stays_finite_and_monotonic_over_the_whole_circle():
    cosine = torch.linspace(-1.0, 1.0, 2001, requires_grad=True)
    moved = additive_angle(cosine, 0.5)
    moved.sum().backward()
    assert torch.isfinite(cosine.grad).all()
    assert (moved.diff() > 0).all()


def test_prototype_loss_is_equation_2():
    positive, negatives = torch.tensor([0.6]), torch.tensor([[0.1, -0.4, 0.9]])
    allowed = torch.tensor([[True, True, False]])
    found = prototype_loss(positive, negatives, allowed, loss="softmax", scale=2.0, margin=0.0)
    terms = [math.exp(2 * value) for value in (0.6, 0.1, -0.4)]
    assert found.item() == pytest.approx(-math.log(terms[0] / sum(terms)), rel=1e-6)


def test_prototype_loss_without_negatives_is_zero():
    for kind in sorted(MARGINS):
        loss = prototype_loss(
            torch.tensor([0.3]),
            torch.zeros(1, 2),
            torch.zeros(1, 2, dtype=torch.bool),
            loss=kind,
            scale=30.0,
            margin=0.2,
        )
        assert loss.tolist() == [0.0]
