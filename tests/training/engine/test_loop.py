"""The loop: resumed, stopped by what is not finite, independent of threads and processes."""

import logging
import os
import signal

import numpy as np
import pytest
import torch
from forked import torch_forks
from stubs import Counting, Line, Stub, run_params
from torch import nn

from pipeline.errors import ParamsError, StageError
from pipeline.training.engine import loop
from pipeline.training.engine.devices import make_fabric
from pipeline.training.engine.method import TOTAL


def run(method, folder, key="a"):
    return loop.train(method, label="test", key=key, checkpoint=folder / "checkpoint.pt")


@pytest.mark.parametrize("each", [1, 2])
def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path, each):
    whole = Counting(grad_accumulation_steps=each)
    curve = run(whole, tmp_path / "whole").curve
    with pytest.raises(KeyboardInterrupt):
        run(Counting(killed_at=8 * each, grad_accumulation_steps=each), tmp_path / "killed")
    resumed = Counting(grad_accumulation_steps=each)
    assert run(resumed, tmp_path / "killed").curve == curve
    assert resumed.taken == list(range(6 * each, 10 * each))
    assert torch.equal(resumed.value, whole.value)
    assert torch.equal(resumed.weight, whole.weight)


def test_a_finished_training_trains_no_more(tmp_path):
    curve = run(Counting(), tmp_path).curve
    again = Counting()
    assert run(again, tmp_path).curve == curve
    assert again.taken == []


def test_a_checkpoint_of_other_params_is_not_taken_up(tmp_path):
    run(Counting(), tmp_path)
    other = Counting()
    run(other, tmp_path, key="b")
    assert other.taken == list(range(10))


@pytest.mark.parametrize("kept", [0, 10, 1000, -1])
def test_a_damaged_checkpoint_is_told_in_one_line_and_training_starts_anew(tmp_path, caplog, kept):
    run(Counting(), tmp_path)
    path = tmp_path / "checkpoint.pt"
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    again = Counting()
    run(again, tmp_path)
    assert again.taken == list(range(10))
    (said,) = caplog.messages
    assert said.startswith(f"{path} is damaged")
    assert path.read_bytes() == whole


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(tmp_path):
    with pytest.raises(StageError, match=r"step 8 gave .*nan.* lower the learning rate"):
        run(Counting(fail_at=7), tmp_path)
    resumed = Counting()
    run(resumed, tmp_path)
    assert resumed.taken == [6, 7, 8, 9]


def test_without_a_checkpoint_a_loss_that_is_not_finite_leaves_none(tmp_path):
    with pytest.raises(StageError, match="step 1 gave"):
        run(Counting(fail_at=0, checkpoint_steps=100), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("at", "kept"), [(7, r"after step 6 is kept in .*checkpoint"), (1, "No checkpoint was saved")]
)
def test_what_is_kept_of_a_training_that_stopped_is_told(tmp_path, at, kept):
    with pytest.raises(StageError, match=kept):
        run(Counting(fail_at=at), tmp_path)


class Ending(Line):
    """Its second process is ended from outside, as where memory is too small."""

    def training_step(self, batch, optimizer_index):
        if self.rank:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().training_step(batch, optimizer_index)


class Full(Line):
    """Its second process has a GPU without room for a batch."""

    def training_step(self, batch, optimizer_index):
        if self.rank:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().training_step(batch, optimizer_index)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Full(devices=2), r"^the GPU has too little memory \(CUDA .* 2.00 GiB\.\)"),
        (lambda: Line(points=3, devices=2), "^a batch of 3 can't be dealt out to 2 processes"),
        (lambda: Ending(devices=2), r"^test: process 1 terminated with signal SIGKILL: expected"),
    ],
)
def test_what_stops_one_of_several_processes_is_told_in_its_words(tmp_path, made, message):
    with torch_forks(), pytest.raises(StageError, match=message):
        run(made(), tmp_path)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(
        ParamsError, match=r"devices is 2, but torch sees 1 GPU: .* set devices to 1"
    ):
        make_fabric(run_params(device="auto", devices=2))


class Breaking(Line):
    """Its loss is finite in every step, and not what the step of one number leaves."""

    def __init__(self, at, broken, **changes):
        super().__init__(**changes)
        self.register_buffer("met", torch.zeros(2))
        self.at, self.broken, self.taken = at, broken, 0

    def training_step(self, batch, optimizer_index):
        losses = super().training_step(batch, optimizer_index)
        self.taken += 1
        if self.taken == self.at and self.broken == "gradient":
            losses[TOTAL] = losses[TOTAL] + (0.0 * self.slope.weight).sum().sqrt()
        if self.taken == self.at and self.broken == "buffer":
            self.met[1] = torch.inf
        return losses


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize(("broken", "name"), [("gradient", "slope.weight"), ("buffer", "met")])
def test_no_checkpoint_holds_what_is_not_finite_nor_ends_a_training_with_it(
    tmp_path, broken, name, at
):
    with pytest.raises(StageError, match=r"step .* lower the learning rate") as caught:
        run(Breaking(at, broken), tmp_path)
    saved = 2 if at > 2 else 0
    if at in (2, 4) or broken == "buffer":  # else the next loss is the first to tell
        assert f"step {saved + 2} left 1 of 2 weights" in str(caught.value)
        assert f"among them {name}: expected finite ones" in str(caught.value)
    assert (tmp_path / "checkpoint.pt").exists() == bool(saved)
    if saved:
        resumed = Breaking(0, broken)
        run(resumed, tmp_path)
        assert resumed.taken == 2
        assert all(value.isfinite().all() for value in resumed.state_dict().values())


class Keeping(Line):
    """Keeps a number beside its weights, as a pool of images does."""

    def get_extra_state(self):
        return 3

    def set_extra_state(self, state):
        assert state == 3


def test_what_is_kept_beside_weights_may_be_any_value(tmp_path):
    run(Keeping(), tmp_path)
    assert (tmp_path / "checkpoint.pt").exists()


class Rising(Counting):
    """Its loss is the number of the step."""

    def training_step(self, batch, optimizer_index):
        number = float(self.count)
        self.count.add_(1)
        return {TOTAL: 0.0 * self.weight.sum() + number}


class RisingUntil(Rising):
    """Is ended at the step of one number."""

    def __init__(self, ends, **changes):
        super().__init__(**changes)
        self.ends = ends

    def training_step(self, batch, optimizer_index):
        if int(self.count) == self.ends:
            raise KeyboardInterrupt
        return super().training_step(batch, optimizer_index)


def test_the_curve_holds_means(tmp_path):
    curve = run(Rising(steps=400), tmp_path).curve
    assert len(curve) == 200
    assert curve[0] == {"step": 2, TOTAL: 0.5}
    assert curve[-1] == {"step": 400, TOTAL: 398.5}


def test_the_loss_is_told_with_each_checkpoint_and_where_a_training_goes_on(tmp_path, caplog):
    """A step's loss is its number from 0 on, a point of the curve the mean of two."""
    caplog.set_level(logging.INFO, logger=loop.log.name)
    with pytest.raises(KeyboardInterrupt):
        run(RisingUntil(160, steps=400, checkpoint_steps=50), tmp_path)
    assert caplog.messages == [
        "test: step 50 of 400, loss 48.5",
        "test: step 100 of 400, loss 98.5",
        "test: step 150 of 400, loss 148.5",
    ]
    caplog.clear()
    run(RisingUntil(None, steps=400, checkpoint_steps=175), tmp_path)
    assert caplog.messages == [
        "test: goes on after step 150 of 400",
        "test: step 175 of 400, loss 174",
        "test: step 350 of 400, loss 348.5",
    ]


def test_a_method_ends_with_the_last_point_of_its_curve(tmp_path):
    """One that goes on from its last checkpoint, and has no step to take, too."""
    for _ in range(2):
        ended, line = [], Line()
        line.on_train_end = ended.append
        assert ended == run(line, tmp_path).curve[-1:]


def test_a_curve_has_no_more_points_than_it_may(tmp_path):
    curve = run(Rising(steps=399), tmp_path).curve
    assert len(curve) == 200
    assert curve[0] == {"step": 2, TOTAL: 0.5}
    assert curve[-1] == {"step": 399, TOTAL: 398.0}


def test_long_trainings_fetch_their_losses_with_each_point_of_the_curve():
    assert loop.LossCurve(10**6, abs).fetched_every == 5000


@pytest.mark.parametrize(("steps", "checkpoint_steps", "fetches"), [(60, 1000, 3), (60, 15, 6)])
def test_losses_are_fetched_once_in_many_steps(
    tmp_path, monkeypatch, steps, checkpoint_steps, fetches
):
    fetched, fetch = [], loop.LossCurve.fetch
    monkeypatch.setattr(loop.LossCurve, "fetch", lambda self: fetched.append(1) or fetch(self))
    run(Rising(steps=steps, checkpoint_steps=checkpoint_steps), tmp_path)
    assert len(fetched) == fetches


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_any_number_of_loader_threads_trains_alike(tmp_path, monkeypatch, threads):
    monkeypatch.setenv("CROSSBAND_LOADER_THREADS", "0")
    inline, threaded = Counting(), Counting()
    curve = run(inline, tmp_path / "inline").curve
    monkeypatch.setenv("CROSSBAND_LOADER_THREADS", str(threads))
    assert run(threaded, tmp_path / "threaded").curve == curve
    assert torch.equal(threaded.value, inline.value)


def test_the_time_that_steps_wait_for_batches_is_told(tmp_path):
    found = run(Counting(), tmp_path)
    assert 0 <= found.waited_s <= found.seconds


def test_two_processes_learn_what_one_does(tmp_path):
    """Of processes that start as a user's do, which load all libraries."""
    one, two, ended = Line(), Line(devices=2), []
    two.on_train_end = ended.append
    curve = run(one, tmp_path / "one").curve
    again = run(two, tmp_path / "two").curve
    assert ended == again[-1:]
    torch.testing.assert_close(one.slope.weight, two.slope.weight)
    np.testing.assert_allclose(
        [point[TOTAL] for point in again], [point[TOTAL] for point in curve], rtol=1e-5
    )


class Many(Line):
    """Has more tensors than a process starts another one with, if each is a file's handle."""

    def __init__(self, **changes):
        super().__init__(**changes)
        for number in range(300):
            self.register_buffer(f"met_{number}", torch.zeros(2))


def test_a_network_of_more_tensors_than_files_may_be_open_trains_in_two_processes(tmp_path):
    one, two = Line(), Many(devices=2)
    run(one, tmp_path / "one")
    with torch_forks():
        run(two, tmp_path / "two")
    torch.testing.assert_close(one.slope.weight, two.slope.weight)


def test_a_batch_that_cannot_be_dealt_out_is_refused():
    line = Line(points=3)
    line.rank, line.world_size = 0, 2
    with pytest.raises(StageError, match="batch of 3 can't be dealt out to 2 processes"):
        line.sample_batch(np.random.default_rng(0))


class Frozen(Counting):
    """Has a trunk that never trains."""

    def __init__(self, **changes):
        super().__init__(**changes)
        self.trunk = nn.Linear(2, 2).requires_grad_(False)
        nn.init.constant_(self.trunk.weight, 5.0)

    def frozen(self):
        return ("trunk.",)


def test_a_checkpoint_holds_what_trains_and_not_what_is_frozen(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(Frozen(killed_at=4), tmp_path)
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]["method"]
    assert kept.keys() == {"weight", "value", "count"}
    resumed = Frozen()
    run(resumed, tmp_path)
    assert resumed.taken == [3, 4, 5, 6, 7, 8, 9]
    assert (resumed.trunk.weight == 5.0).all()


def test_a_checkpoint_of_another_method_is_refused(tmp_path):
    run(Counting(), tmp_path)
    with pytest.raises(StageError, match=r"does not fit Line: \d names differ"):
        run(Line(), tmp_path)


class Turns(Stub):
    """Two weights, each with an optimiser: the second is told what the first became."""

    def __init__(self, **changes):
        super().__init__(run_params(**{"steps": 1, "learning_rate": 1.0} | changes))
        self.first, self.second = (nn.Parameter(torch.zeros(())) for _ in range(2))
        self.seen = []

    def sample_batch(self, rng):
        return (torch.ones(1),)

    def training_step(self, batch, optimizer_index):
        self.seen.append((optimizer_index, self.first.item()))
        if optimizer_index == 0:
            return {TOTAL: 3.0 * self.first, "first": self.first}
        return {TOTAL: self.first.detach() * self.second, "second": self.second}

    def optimizers(self):
        return [torch.optim.SGD([each], lr=1.0) for each in (self.first, self.second)]


def test_optimisers_take_turns_on_the_same_batch(tmp_path):
    method = Turns()
    (point,) = run(method, tmp_path).curve
    assert method.seen == [(0, 0.0), (1, -3.0)]
    assert (method.first.item(), method.second.item()) == (-3.0, 3.0)
    assert point == {"step": 1, TOTAL: 0.0, "first": 0.0, "second": 0.0}
