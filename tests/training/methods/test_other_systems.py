"""TRIVET, CDL and ADFL: their losses by hand, and that each brings the bands together."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from test_baselines import PAIRS, batch, build, faces, params, separation
from torch import nn

from models.adfl.losses import BandDiscriminator, pair_difference, variance_discrepancy
from models.cdl.losses import coupling
from models.losses.triplets import both_ways_triplet
from pipeline.training.engine.loop import train
from pipeline.training.engine.method import TOTAL

__all__ = ["faces"]

TRIVET = {name: value for name, value in PAIRS.items() if name != "loss"} | {"kind": "trivet"}
CDL = PAIRS | {
    "kind": "cdl",
    "coupling_weight": 2.0,
    "ranking_weight": 0.5,
    "ranking_margin": 0.3,
}
ADFL = PAIRS | {
    "kind": "adfl",
    "adversarial_weight": 0.5,
    "variance_weight": 2.0,
    "pairs_weight": 3.0,
}


def test_coupling_is_lowest_where_all_rows_are_one_direction():
    same = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    assert coupling(same, 2 * same).item() == pytest.approx(2 / 4)  # one singular value, √4
    apart = torch.eye(4)
    assert coupling(apart[:2], apart[2:]).item() == pytest.approx(1.0)
    alike = torch.eye(2)
    assert coupling(alike, alike).item() == pytest.approx(2 * math.sqrt(2) / 4)


def test_variance_and_pairs_by_hand():
    first = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # variances 1/4 and 1/4
    second = torch.tensor([[5.0, 0.0], [2.0, 0.0]])  # none
    assert variance_discrepancy(first, second).item() == pytest.approx(math.sqrt(2) / 4)
    assert pair_difference(first, second).item() == pytest.approx((0 + 2) / 2)


def test_the_discriminator_learns_the_band_and_the_features_forget_it():
    torch.manual_seed(0)
    tells = BandDiscriminator(4, 1.0)
    first = torch.tensor([[1.0, 0.2, 0, 0]]).repeat(3, 1).requires_grad_()
    second = torch.tensor([[0.2, 1.0, 0, 0]]).repeat(3, 1).requires_grad_()
    loss = tells(first, second)
    loss.backward()
    step = [tells.layers[0].weight, first]
    before = loss.item()
    with torch.no_grad():
        step[0] -= 0.5 * step[0].grad
        assert tells(first, second).item() < before  # against its gradient: it tells better
        step[0] += 0.5 * step[0].grad
        moved = first - 0.5 * first.grad
        assert tells(moved, second).item() > before  # the same step of a feature hides it


@pytest.mark.parametrize("weight", [0.0, 0.1, 3.0])
def test_the_weight_is_of_the_reversed_gradient_and_not_of_what_the_discriminator_learns(weight):
    torch.manual_seed(0)
    tells = BandDiscriminator(4, weight)
    first, second = torch.randn(2, 3, 4).requires_grad_().unbind()
    told = tells(first, second)
    logits = tells.layers(nn.functional.normalize(torch.cat([first, second])))[:, 0]
    plain = nn.functional.softplus(torch.cat([logits[:3], -logits[3:]])).mean()
    assert told.item() == pytest.approx(plain.item())
    of_feature, *of_layers = torch.autograd.grad(told, [first, *tells.parameters()])
    pull, *learned = torch.autograd.grad(plain, [first, *tells.parameters()])
    torch.testing.assert_close(of_feature, -weight * pull)
    torch.testing.assert_close(of_layers, learned)


def test_cdl_is_classification_by_band_coupling_and_ranking(faces):
    made = build(CDL, faces())
    first, second, subjects = batch(made)
    with torch.no_grad():
        made.classifiers[1].weight += 0.01 * torch.randn(made.classifiers[1].weight.shape)
        losses = made.training_step((first, second, subjects), 0)
        near, far = made.network(first), made.network(second)
        own = made.classifiers
        classify = (own[0](near, subjects) + own[1](far, subjects)) / 2
        rows = torch.cat([nn.functional.normalize(each.weight) for each in own]).double().numpy()
        coupled = np.linalg.svd(rows, compute_uv=False).sum() / len(rows)
        ranking = both_ways_triplet(near, far, 0.3).mean()
    assert losses["coupling"].item() == pytest.approx(coupled, rel=1e-5)
    torch.testing.assert_close(losses[TOTAL], classify + 2 * losses["coupling"] + 0.5 * ranking)


def test_adfl_is_classification_and_three_terms(faces):
    made = build(ADFL, faces())
    first, second, subjects = batch(made)
    with torch.no_grad():
        losses = made.training_step((first, second, subjects), 0)
        near, far = made.network(first), made.network(second)
        classify = made.classifier(torch.cat([near, far]), subjects.repeat(2))
        parts = (
            made.discriminator(near, far)
            + 2 * variance_discrepancy(near, far)
            + 3 * pair_difference(near, far)
        )
    torch.testing.assert_close(losses[TOTAL], classify + parts)
    assert made.discriminator.weight == 0.5


@pytest.mark.parametrize("values", [TRIVET, ADFL])
def test_training_brings_images_of_a_subject_together_across_bands(values, faces, tmp_path):
    made = build(values, faces(), steps=60)
    before = separation(made, faces())
    train(made, label="test", key="", checkpoint=tmp_path / "checkpoint.pt")
    assert separation(made, faces()) > before


def test_cdls_classifiers_start_apart_and_the_coupling_draws_them_together(faces):
    made = build(CDL, faces())
    weights = [own.weight.detach().double() for own in made.classifiers]
    rows = [torch.nn.functional.normalize(each).requires_grad_() for each in weights]
    assert not torch.equal(*rows)
    before = (rows[0] - rows[1]).norm()
    pulls = torch.autograd.grad(coupling(*rows), rows)
    moved = [row - 0.1 * pull for row, pull in zip(rows, pulls, strict=True)]
    assert (moved[0] - moved[1]).norm() < before
    assert torch.autograd.gradcheck(coupling, rows)


def test_training_lowers_each_loss_of_cdl(faces, tmp_path):
    made = build(CDL, faces(), steps=60)
    run = train(made, label="test", key="", checkpoint=tmp_path / "checkpoint.pt")
    for name in (TOTAL, "classify"):
        assert run.curve[-1][name] < run.curve[0][name]


@pytest.mark.parametrize("values", [TRIVET, CDL])
def test_a_single_pair_has_no_negative(values):
    with pytest.raises(ValidationError, match="batch_pairs is 1"):
        params(values, batch_pairs=1)
