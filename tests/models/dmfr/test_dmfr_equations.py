"""The equations of the DMFR paper and of its baselines, derived once more in float64."""

import math

import numpy as np
import pytest
import torch
from slow_dmfr import MARGIN, SCALE, cosface, meta_total, slope, unit_rows
from torch.distributions import MultivariateNormal, kl_divergence

from models.dmfr.disentangle import normalised, reconstruction_loss, unexplained
from models.dmfr.domains import DomainJudge, mixed
from models.dmfr.filter import ModalityFilter, filter_loss
from models.dmfr.meta import MetaStep
from models.dmfr.uncertainty import Confidence, confidence_loss, divergence, sampled
from models.losses.margins import margin_loss


@pytest.fixture
def drawn():
    random = np.random.default_rng(5)
    prototypes, train, test = (random.normal(size=shape) for shape in ((3, 4), (4, 4), (2, 4)))
    return prototypes, train, test, ([0, 1, 2, 0], [2, 1])


def as_tensors(prototypes, train, test, labels):
    leaves = [torch.tensor(each, requires_grad=True) for each in (prototypes, train, test)]
    batches = [(leaf, torch.tensor(each)) for leaf, each in zip(leaves[1:], labels, strict=True)]
    return leaves, batches


def test_the_meta_objective_is_the_papers(drawn):
    (w, _, _), (train, test) = as_tensors(*drawn)
    total, inner, outer = MetaStep(0.3, 0.25, SCALE, MARGIN).objective(w, train, test)
    prototypes, seen, _, labels = drawn
    assert total.item() == pytest.approx(meta_total(*drawn, 0.3, 0.25), rel=1e-6)
    assert inner.item() == pytest.approx(cosface(unit_rows(prototypes), seen, labels[0]), rel=1e-12)
    assert total.item() == pytest.approx(0.25 * inner.item() + 0.75 * outer.item(), rel=1e-12)


def test_the_meta_gradient_is_the_slope_of_the_objective(drawn):
    leaves, (train, test) = as_tensors(*drawn)
    total, _, _ = MetaStep(0.3, 0.25, SCALE, MARGIN).objective(leaves[0], train, test)
    total.backward()

    def with_place(place):
        return lambda values: meta_total(
            *(values if n == place else each for n, each in enumerate(drawn[:3])),
            drawn[3],
            0.3,
            0.25,
        )

    for place, leaf in enumerate(leaves):
        found = slope(with_place(place), drawn[place], 1e-4)
        assert leaf.grad.numpy() == pytest.approx(found, rel=2e-4, abs=2e-6)


def test_first_order_leaves_the_virtual_step_out_of_the_gradient(drawn):
    gradients = []
    for first_order in (False, True):
        leaves, (train, test) = as_tensors(*drawn)
        step = MetaStep(0.3, 0.0, SCALE, MARGIN, first_order)
        step.objective(leaves[0], train, test)[0].backward()
        gradients.append([leaf.grad for leaf in leaves])
    second, first = gradients
    # with λ = 0 meta-train features count through the virtual step alone
    assert second[1].abs().max() > 1e-4
    assert not first[1].any()
    assert not torch.allclose(second[0], first[0])
    assert torch.allclose(second[2], first[2])


def test_without_a_virtual_step_both_losses_are_of_the_same_prototypes(drawn):
    (w, _, _), (train, _) = as_tensors(*drawn)
    total, inner, outer = MetaStep(0.0, 0.5, SCALE, MARGIN).objective(w, train, train)
    assert total.item() == pytest.approx(inner.item())
    assert outer.item() == pytest.approx(inner.item())


def test_the_reconstruction_loss_by_hand():
    rebuilt = torch.zeros(2, 1, 1, 2, requires_grad=True)
    target = torch.tensor([[[[3.0, 4.0]]], [[[0.0, 1.0]]]], requires_grad=True)
    assert reconstruction_loss(rebuilt, target, "mse").item() == pytest.approx(26 / 4)
    loss = reconstruction_loss(rebuilt, target, "l2")
    assert loss.item() == pytest.approx((5 + 1) / 2)
    loss.backward()
    assert target.grad is None


def test_what_is_rebuilt_has_no_unit_and_learns_nothing():
    feature_map = torch.tensor([[[[1.0, 3.0]]], [[[5.0, 7.0]]]], requires_grad=True)
    for unit, shift in ((1.0, 0.0), (1000.0, -77.0)):
        target = normalised(unit * feature_map + shift)
        # mean 4, deviation √5
        expected = torch.tensor([-3.0, -1.0, 1.0, 3.0]) / 5**0.5
        assert torch.allclose(target.flatten(), expected, atol=1e-4)
        assert not target.requires_grad


def test_what_a_reconstruction_misses_is_a_share_of_the_spread_whatever_the_unit():
    target = torch.tensor([3.0, 1.0, 5.0]).view(3, 1, 1, 1)  # spread 0 + 4 + 4
    assert unexplained(target, target).item() == 0.0
    assert unexplained(torch.full_like(target, 3.0), target).item() == 1.0
    rebuilt = torch.tensor([3.0, 2.0, 2.0], requires_grad=True).view(3, 1, 1, 1)
    for unit in (1.0, 40.0):
        share = unexplained(unit * rebuilt, unit * target)
        assert share.item() == pytest.approx((0 + 1 + 9) / 8)
    assert not share.requires_grad


@pytest.mark.parametrize("detach", [True, False])
def test_the_filter_loss_by_hand(detach):
    made = torch.tensor([[2.0, 0.0], [0.0, 3.0]], dtype=torch.float64, requires_grad=True)
    real = torch.tensor([[0.0, 1.0], [0.0, 9.0]], dtype=torch.float64, requires_grad=True)
    loss = filter_loss(made, real, detach=detach)
    assert loss.item() == pytest.approx((math.sqrt(2) + 0) / 2, abs=1e-5)
    loss.backward()
    assert torch.isfinite(made.grad).all()
    assert (real.grad is None) == detach


def test_the_filter_is_the_identity_at_the_start_and_learns():
    torch.manual_seed(0)
    filter_, features = ModalityFilter(6), torch.randn(5, 6)
    assert torch.equal(filter_(features), features)
    filter_(features).square().sum().backward()
    assert filter_.output.weight.grad.abs().max() > 0


def test_dul_by_hand():
    mean, log_variance = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, math.log(4.0)]])
    assert sampled(mean, log_variance, torch.tensor([[1.0, 0.5]])).tolist() == [[2.0, -1.0]]
    # of each dimension (μ² + σ² − 1 − log σ²) / 2, and their sum
    by_hand = (1 + 1 - 1 - 0) / 2 + (4 + 4 - 1 - math.log(4)) / 2
    assert divergence(mean, log_variance).item() == pytest.approx(by_hand)
    assert divergence(torch.zeros(3, 2), torch.zeros(3, 2)).item() == 0.0


def test_duls_divergence_is_that_of_whole_gaussians():
    """Of all dimensions together: whatever their number, λ weighs one distribution a sample."""
    torch.manual_seed(4)
    mean, log_variance = torch.randn(5, 7), torch.randn(5, 7)
    gaussians = MultivariateNormal(mean, torch.diag_embed(log_variance.exp()))
    standard = MultivariateNormal(torch.zeros(7), torch.eye(7))
    expected = kl_divergence(gaussians, standard).mean()
    torch.testing.assert_close(divergence(mean, log_variance), expected)


def test_a_samples_own_scale_leaves_the_margin_as_it_is():
    """Shi et al., section 3.1: the true class's logit is s_i cos θ − m, the others' s_i cos θ."""
    random = np.random.default_rng(2)
    cosines, labels = random.uniform(-1, 1, (4, 3)), [0, 2, 1, 1]
    scales, margin = [3.0, 0.0, 7.5, SCALE], MARGIN * SCALE
    expected = []
    for row, label, scale in zip(cosines, labels, scales, strict=True):
        true = math.exp(scale * row[label] - margin)
        others = sum(math.exp(scale * row[other]) for other in range(3) if other != label)
        expected.append(-math.log(true / (true + others)))
    given = torch.tensor(cosines), torch.tensor(labels), torch.tensor(scales).double()[:, None]
    found = confidence_loss(*given, margin)
    assert found.tolist() == pytest.approx(expected)
    assert found[1].item() == pytest.approx(math.log(1 + 2 * math.exp(margin)))  # of no confidence
    common = margin_loss(*given[:2], loss="am_softmax", scale=SCALE, margin=MARGIN)
    assert found[3].item() == pytest.approx(common[3].item())


def test_confidence_starts_at_the_scale_and_stays_below_twice_of_it():
    torch.manual_seed(0)
    head = Confidence(4, (2, 3), scale=30.0)
    maps = torch.randn(5, 4, 2, 3)
    assert head(maps).flatten().tolist() == [30.0] * 5
    head.trunk[-1].weight.data.fill_(1e3)
    assert head(maps).min() >= 0
    assert head(maps).max() <= 60.0


def test_confidence_is_not_rounded_to_bfloat16():
    head = Confidence(4, (2, 3), scale=64.0)
    head.trunk[-1].bias.data.fill_(1 / 128)
    with torch.autocast("cpu", torch.bfloat16):
        found = head(torch.zeros(2, 4, 2, 3))
    expected = 128.0 / (1.0 + math.exp(-1 / 128))  # 64.25, between 64 and 64.5
    assert found.flatten().tolist() == pytest.approx([expected] * 2, rel=1e-6)


def test_the_judge_learns_what_the_features_unlearn():
    torch.manual_seed(0)
    judge, features = DomainJudge(3, weight=1.0), torch.randn(6, 3, requires_grad=True)
    synthetic = torch.tensor([True, False] * 3)
    loss = judge(features, synthetic)
    loss.backward()
    with torch.no_grad():
        for weight in judge.parameters():
            weight -= 1e-3 * weight.grad
    assert judge(features, synthetic) < loss
    with torch.no_grad():
        moved = features - 1e-2 * features.grad
        for weight in judge.parameters():
            weight += 1e-3 * weight.grad
    assert judge(moved, synthetic) > loss


def test_the_judge_turns_and_weighs_the_gradient_of_features_and_not_its_own():
    torch.manual_seed(0)
    judge = DomainJudge(3, weight=0.25).double()
    synthetic = torch.tensor([True, False, True, True])
    start = np.random.default_rng(3).normal(size=(4, 3))
    features = torch.tensor(start, requires_grad=True)
    loss = judge(features, synthetic)
    loss.backward()
    logits = judge.layers(torch.tensor(unit_rows(start)))[:, 0].tolist()
    chances = [1.0 / (1.0 + math.exp(-logit)) for logit in logits]
    right = [chances[0], 1.0 - chances[1], chances[2], chances[3]]
    assert loss.item() == pytest.approx(-sum(map(math.log, right)) / 4, rel=1e-9)
    found = slope(lambda values: judge(torch.tensor(values), synthetic).item(), start)
    assert features.grad.numpy() == pytest.approx(-0.25 * found, rel=1e-5, abs=1e-9)
    assert judge.layers[2].bias.grad.item() == pytest.approx((sum(chances) - 3.0) / 4.0)


def test_mixup_by_hand():
    real, synthetic = torch.ones(2, 1, 1, 1), torch.zeros(2, 1, 1, 1)
    made = mixed(real, synthetic, torch.tensor([0.25, 1.0]))
    assert made.flatten().tolist() == [0.25, 1.0]
