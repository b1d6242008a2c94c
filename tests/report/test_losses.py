"""What a training says at its end: its losses, and whether they rose."""

import pytest

from pipeline.report.losses import TOTAL, tell_training
from pipeline.training.engine import method


def said(capsys, losses, **more):
    curve = [{"step": float(10 * n + 10), "total": loss} for n, loss in enumerate(losses)]
    tell_training("train_nir_vis@pram", curve, 12.04, "data/network.pt", **more)
    return tuple(capsys.readouterr())


def test_the_plotted_loss_has_the_name_that_the_engine_gives_it():
    assert TOTAL == method.TOTAL  # neither may import the other


def test_a_training_ends_with_a_line(capsys):
    told = "train_nir_vis@pram: 200 steps, loss 9.9 → 0.25, 12.0 s, network in data/network.pt\n"
    assert said(capsys, [9.8, 10.0, *[5.0] * 16, 0.3, 0.2]) == (told, "")
    assert said(capsys, []) == ("train_nir_vis@pram: no steps, network in data/network.pt\n", "")


@pytest.mark.parametrize(
    ("losses", "more", "warned"),
    [
        ([16.0] * 9 + [49336.8], {}, True),
        ([16.0] * 9 + [49336.8], {"may_rise": True}, False),  # against an adversary
        ([16.0] + [300.0] * 9 + [15.0], {}, False),
        ([16.0, 16.1], {}, False),  # of two batches
        ([0.0, 9.0] + [5.0] * 16 + [3.0, 3.0], {}, False),  # its queues were empty at first
    ],
)
def test_a_loss_that_rose_is_told(capsys, losses, more, warned):
    told = "train_nir_vis@pram: the loss rose from 16.0 to 49336.8: lower learning_rate\n"
    assert said(capsys, losses, **more)[1] == (told if warned else "")
