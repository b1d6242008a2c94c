"""A step: accumulated, shortened, scheduled."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
import pytest
import torch
from short_params import PARAMS
from stubs import Line

from models.freezing import trainable
from pipeline.params.training import TrainingParams
from pipeline.training.engine.devices import make_fabric
from pipeline.training.engine.loop import Steps
from pipeline.training.engine.optimizers import make_optimizer, stepwise_rate


def take(line, drawn):
    Steps(line, make_fabric(line.params)).take(0, iter(drawn))


def test_accumulated_batches_make_one_step():
    line = Line(grad_accumulation_steps=2)
    rng = np.random.default_rng(0)
    drawn = [line.sample_batch(rng) for _ in range(3)]
    take(line, drawn)
    x = torch.cat([batch[0] for batch in drawn[:2]])
    gradient = (2 * (0.5 * x - 3.0 * x) * x).mean()
    expected = 0.5 - 0.001 * float(gradient)
    assert line.slope.weight.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("longest", "length"), [(None, 70.0), (100.0, 70.0), (2.0, 2.0)])
def test_long_gradients_are_shortened(longest, length):
    line = Line(max_gradient_norm=longest)
    line.slope.weight.data.fill_(3.0 + 70.0 / 32.0)  # gradient: 2 (w - 3) x^2
    before = line.slope.weight.item()
    take(line, [(torch.full((1, 1), 4.0),)])
    assert before - line.slope.weight.item() == pytest.approx(0.001 * length, rel=1e-3)


@dataclass
class Schedule:
    learning_rate = 1.0
    warmup_steps = 10
    milestones = (20, 30)


def test_the_rate_rises_and_falls_by_step():
    rates = [stepwise_rate(Schedule, step) for step in (0, 5, 10, 19, 20, 29, 30)]
    assert rates == pytest.approx([0.01, 0.505, 1.0, 1.0, 0.1, 0.1, 0.01])


OPTIMIZERS = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}


def weight_and_optimizer(kind):
    params = PARAMS.pretrain_nir_vis["lightcnn9"].model_copy(
        update={"optimizer": kind, "learning_rate": 0.1, "weight_decay": 0.5, "momentum": 0.8}
    )
    weight = torch.nn.Parameter(torch.tensor(2.0))
    return weight, lambda weights: make_optimizer(params, weights)


def test_every_optimizer_that_params_may_name_is_tested():
    assert set(OPTIMIZERS) == set(get_args(TrainingParams.model_fields["optimizer"].annotation))


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_an_optimizer_has_the_rate_decay_and_momentum_of_its_params(kind):
    weight, made = weight_and_optimizer(kind)
    other = torch.nn.Parameter(torch.ones(3))
    one, two = made([weight]), made([{"params": [weight]}, {"params": [other], "share": 0.1}])
    assert type(one) is type(two) is OPTIMIZERS[kind]
    assert [group["params"] for group in two.param_groups] == [[weight], [other]]
    assert two.param_groups[1]["share"] == 0.1
    for group in one.param_groups + two.param_groups:
        assert (group["lr"], group["weight_decay"]) == (0.1, 0.5)
        assert group.get("momentum") == (0.8 if kind == "sgd" else None)


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        ("sgd", 1.725),  # 1.9 − 0.1 (0.8 · 0.5 · 2 + 0.5 · 1.9): the first goes on as momentum
        ("adamw", 1.805),  # 1.9 − 0.1 · 0.5 · 1.9: it is apart from the gradient
    ],
)
def test_a_weight_without_a_gradient_decays(kind, second):
    weight, made = weight_and_optimizer(kind)
    optimizer, found = made([weight]), []
    for _ in range(2):
        weight.grad = torch.zeros(())
        optimizer.step()
        found.append(weight.item())
    assert found == pytest.approx([1.9, second])  # 2 − 0.1 · 0.5 · 2


def test_biases_and_norms_decay_as_all_weights_do():
    """As docs/decisions/training.md says, and why."""
    _, made = weight_and_optimizer("sgd")
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2), torch.nn.PReLU()
    )
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    for weight in network.parameters():
        weight.grad = torch.zeros_like(weight)
    made(list(trainable(network))).step()
    assert len(before) == 5
    for name, weight in network.named_parameters():
        torch.testing.assert_close(weight.detach(), before[name] * (1 - 0.1 * 0.5), msg=name)
