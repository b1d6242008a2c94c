"""A step: accumulated, shortened, scheduled."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from stubs import Line

from pipeline.training.engine.devices import make_fabric
from pipeline.training.engine.loop import Steps
from pipeline.training.engine.optimizers import stepwise_rate


def take(line, drawn):
    Steps(line, make_fabric(line.params)).take(0, iter(drawn))


def test_accumulated_batches_make_one_step():
    line = Line(grad_accumulation_steps=2)
    generator = np.random.default_rng(0)
    drawn = [line.sample_batch(generator) for _ in range(3)]
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
