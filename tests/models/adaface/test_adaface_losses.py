"""AdaFace's margin by hand."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from models.adaface.losses import MOMENTUM, AdaFaceClassifier


def classifier(mean, deviation):
    made = AdaFaceClassifier(2, 2, scale=2.0, margin=0.4, concentration=0.5).eval()
    made.mean.fill_(mean)
    made.deviation.fill_(deviation)
    with torch.no_grad():
        made.weight.copy_(torch.eye(2))
    return made


@pytest.mark.parametrize(
    ("length", "quality"),
    [(5.0, 0.0), (7.0, 0.5), (3.0, -0.5), (90.0, 1.0), (0.5, -1.0)],
)
def test_logits_of_an_image_30_degrees_from_its_class(length, quality):
    made = classifier(5.0, 2.0)
    angle = math.radians(30)
    feature = length * torch.tensor([[math.cos(angle), math.sin(angle)]])
    assert made.quality(feature).item() == pytest.approx(quality, abs=1e-3)
    true, other = made.logits(feature, torch.tensor([0]))[0].tolist()
    expected = math.cos(angle - 0.4 * quality) - (0.4 * quality + 0.4)
    assert true == pytest.approx(2 * expected, abs=2e-3)
    assert other == pytest.approx(2 * math.sin(angle), abs=1e-5)


def test_of_a_middling_image_it_is_cosface_and_of_a_poor_one_arcface():
    made = classifier(5.0, 2.0)
    cosine = math.cos(math.radians(40))
    feature = torch.tensor([[cosine, math.sqrt(1 - cosine**2)]])
    cosface = made.logits(5 * feature, torch.tensor([0]))[0, 0].item()
    assert cosface == pytest.approx(2 * (cosine - 0.4), abs=1e-3)
    arcface = made.logits(0.001 * feature, torch.tensor([0]))[0, 0].item()
    assert arcface == pytest.approx(2 * math.cos(math.radians(40) + 0.4), abs=1e-3)


def test_lengths_are_followed_in_training_and_give_no_gradient():
    made = classifier(10.0, 3.0)
    features = torch.tensor([[3.0, 0.0], [0.0, 5.0]], requires_grad=True)
    made.quality(features)
    assert made.mean.item() == 10.0
    made.train()
    assert not made.quality(features).requires_grad
    assert made.mean.item() == pytest.approx(10.0 + MOMENTUM * (4.0 - 10.0))
    assert made.deviation.item() == pytest.approx(3.0 + MOMENTUM * (math.sqrt(2) - 3.0))


def test_the_loss_is_the_cross_entropy_of_these_logits():
    made, features = classifier(5.0, 2.0), torch.randn(4, 2)
    labels = torch.tensor([0, 1, 1, 0])
    expected = F.cross_entropy(made.logits(features, labels), labels)
    assert torch.equal(made(features, labels), expected)
