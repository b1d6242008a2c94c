import math

import pytest
import torch

from pipeline.errors import StageError
from pipeline.training.loop import train


class Counting:
    """A task whose state is the sum of what it drew: order and repeats would show."""

    def __init__(self, fail_at=None, killed_at=None):
        self.value = torch.zeros(3)
        self.fail_at, self.killed_at = fail_at, killed_at
        self.steps = []

    def step(self, number):
        if number == self.killed_at:
            raise KeyboardInterrupt
        self.steps.append(number)
        drawn = torch.rand(3, generator=torch.Generator().manual_seed(number))
        self.value = self.value * 0.9 + drawn
        return {"loss": math.nan if number == self.fail_at else float(self.value.sum())}

    def state(self):
        return {"value": self.value}

    def load_state(self, state):
        self.value = state["value"]


def run(task, tmp_path, key="a", steps=10):
    return train(
        task, label="test", steps=steps, checkpoint=tmp_path / "c.pt", checkpoint_steps=3, key=key
    )


def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path):
    whole = Counting()
    curve = run(whole, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(Counting(killed_at=8), tmp_path / "killed")
    resumed = Counting()
    assert run(resumed, tmp_path / "killed") == curve
    assert resumed.steps == [6, 7, 8, 9]
    assert torch.equal(resumed.value, whole.value)


def test_a_finished_training_trains_no_more(tmp_path):
    curve = run(Counting(), tmp_path)
    again = Counting()
    assert run(again, tmp_path) == curve
    assert again.steps == []


def test_a_checkpoint_of_other_params_is_not_taken_up(tmp_path):
    run(Counting(), tmp_path)
    other = Counting()
    run(other, tmp_path, key="b")
    assert other.steps == list(range(10))


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(tmp_path):
    with pytest.raises(StageError, match=r"step 8 gave .*nan"):
        run(Counting(fail_at=7), tmp_path)
    resumed = Counting()
    run(resumed, tmp_path)
    assert resumed.steps == [6, 7, 8, 9]


def test_the_curve_holds_means(tmp_path):
    class Linear(Counting):
        def step(self, number):
            return {"loss": float(number)}

    curve = run(Linear(), tmp_path, steps=400)
    assert len(curve) == 200
    assert curve[0] == {"step": 2, "loss": 0.5}
    assert curve[-1] == {"step": 400, "loss": 398.5}
