"""Training of learners: resumed, dealt out to processes, accumulated, scheduled."""

import numpy as np
import pytest
import torch
from short_params import HSST, PRAM
from torch import nn

from pipeline.errors import StageError
from pipeline.training import learner as learners
from pipeline.training.backbones import BACKBONES, make_backbone
from pipeline.training.learner import TOTAL, GradientTraining, Learner, train_learner
from pipeline.training.methods import METHODS
from pipeline.training.setup import learning_rate, make_fabric


def build(params, people):
    method = METHODS[params.kind]
    network = method.network(params, make_backbone("lightcnn9", 144, 3))
    return method.learner(params, network, BACKBONES["lightcnn9"].inputs, people)


def trained(params, people, path, *, key="k"):
    learner = build(params, people)
    curve = train_learner(learner, params, label="t", key=key, path=path)
    return curve, {name: value.clone() for name, value in learner.state_dict().items()}


class KilledError(Exception):
    pass


@pytest.mark.parametrize("params", [PRAM, HSST], ids=["pram", "hsst"])
def test_a_killed_training_ends_with_the_same_weights(params, people, tmp_path, monkeypatch):
    curve, whole = trained(params, people, tmp_path / "whole" / "network.pt")
    step = GradientTraining.step

    def killed(self, number):
        if number == 3:
            raise KilledError
        return step(self, number)

    monkeypatch.setattr(learners.GradientTraining, "step", killed)
    with pytest.raises(KilledError):
        trained(params, people, tmp_path / "killed" / "network.pt")
    monkeypatch.setattr(learners.GradientTraining, "step", step)
    again, resumed = trained(params, people, tmp_path / "killed" / "network.pt")
    assert again == curve
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


class Line(Learner):
    """Fits a slope to points, of which each process gets its share."""

    def __init__(self, points=4):
        super().__init__()
        self.slope = nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            self.slope.weight.fill_(0.5)
        self.points = points

    def draw(self, generator):
        x = self.mine(generator.integers(1, 9, (self.points,)))
        return (torch.from_numpy(x.astype(np.float32))[:, None],)

    def forward(self, *batch):
        (x,) = batch
        return {TOTAL: (self.slope(x) - 3.0 * x).square().mean()}


LINE = PRAM.model_copy(
    update={
        "learning_rate": 0.001,
        "momentum": 0.5,
        "weight_decay": 0.0,
        "max_gradient_norm": None,
    }
)


def test_two_processes_learn_what_one_does(tmp_path):
    one, two = Line(), Line()
    curve = train_learner(one, LINE, label="t", key="k", path=tmp_path / "one" / "n.pt")
    shared = LINE.model_copy(update={"devices": 2})
    again = train_learner(two, shared, label="t", key="k", path=tmp_path / "two" / "n.pt")
    torch.testing.assert_close(one.slope.weight, two.slope.weight)
    np.testing.assert_allclose(
        [point[TOTAL] for point in again], [point[TOTAL] for point in curve], rtol=1e-5
    )


def test_a_batch_that_cannot_be_dealt_out_is_refused():
    line = Line(points=3)
    line.share = 0, 2
    with pytest.raises(StageError, match="batch of 3 can't be dealt out to 2 processes"):
        line.draw(np.random.default_rng(0))


def test_accumulated_batches_make_one_step():
    line = Line()
    params = LINE.model_copy(update={"accumulate": 2})
    training = GradientTraining(params, line, make_fabric(params))
    drawn = []
    draw = line.draw
    line.draw = lambda generator: drawn.append(draw(generator)) or drawn[-1]
    training.step(0)
    assert len(drawn) == 2
    x = torch.cat([batch[0] for batch in drawn])
    gradient = (2 * (0.5 * x - 3.0 * x) * x).mean()
    expected = 0.5 - 0.001 * float(gradient)
    assert line.slope.weight.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("longest", "length"), [(None, 70.0), (100.0, 70.0), (2.0, 2.0)])
def test_long_gradients_are_shortened(longest, length):
    line = Line(points=1)
    line.draw = lambda generator: (torch.full((1, 1), 4.0),)
    line.slope.weight.data.fill_(3.0 + 70.0 / 32.0)  # gradient: 2 (w - 3) x^2
    before = line.slope.weight.item()
    params = LINE.model_copy(update={"max_gradient_norm": longest, "steps": 1})
    GradientTraining(params, line, make_fabric(params)).step(0)
    assert before - line.slope.weight.item() == pytest.approx(0.001 * length, rel=1e-3)


def test_the_rate_rises_and_falls_by_step():
    params = LINE.model_copy(
        update={"learning_rate": 1.0, "warmup_steps": 10, "decay_at_steps": (20, 30)}
    )
    rates = [learning_rate(params, step) for step in (0, 5, 10, 19, 20, 29, 30)]
    assert rates == pytest.approx([0.01, 0.505, 1.0, 1.0, 0.1, 0.1, 0.01])
