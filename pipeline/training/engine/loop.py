"""The one training loop: steps, loss curve, checkpoints, resuming, a stop at what is not finite.

Everything random in a step is drawn by an rng seeded by the step's number, so a checkpoint holds
no random state, and a training that was killed ends where it would have.
"""

import logging
import math
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from multiprocessing import SimpleQueue, get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor

from pipeline.errors import CrossbandError, StageError, one_line, want_of_memory
from pipeline.process import die_with_parent, keep_freed_memory
from pipeline.rng import rng_for, seed_for
from pipeline.store.log import show_records
from pipeline.store.networks import save_network
from pipeline.store.progress import progress
from pipeline.training.data.prefetch import batches, loader_threads
from pipeline.training.engine.checkpoints import (
    check_finite,
    load_checkpoint,
    load_method_state,
    load_training_state,
    training_state,
)
from pipeline.training.engine.devices import computed_in, make_fabric, near
from pipeline.training.engine.method import RATE_SHARE, TOTAL, Batch, Losses, Method

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Curve = list[dict[str, float]]
log = logging.getLogger(__name__)

CURVE_POINTS = 200
"""Points, at most, of the loss curve that a training leaves behind, whatever its length."""
GRADIENT, LIMITED = "gradient", "limited"
"""Beside the losses, where gradients have a limit: their norm, and the share that was shortened."""
FETCHED_STEPS = 20
"""Steps, at least, after which their losses are fetched from the device."""


class Run(NamedTuple):
    """What a training leaves besides its network.

    Attributes:
        curve: means over equal runs of steps, each with ``step``, the last one in it.
        seconds: that this run's steps took; a resumed one counts its own.
        waited_s: of these, for batches.
    """

    curve: Curve
    seconds: float
    waited_s: float

    def times(self) -> dict[str, float]:
        """Return the seconds, rounded, for a report of this run."""
        return {"seconds": round(self.seconds, 3), "waited_s": round(self.waited_s, 3)}


class LossCurve:
    """The losses of a training, left on the device until they are asked for."""

    def __init__(self, steps: int, average: Callable[[Tensor], Tensor]) -> None:
        """Start a curve.

        Args:
            steps: of the whole training.
            average: makes the mean over all processes.
        """
        self.curve, self.pending = Curve(), list[dict[str, float]]()
        self._every, self._last = max(1, -(-steps // CURVE_POINTS)), steps - 1
        self._average, self._waiting = average, list[tuple[int, Losses]]()
        self.fetched_every = max(self._every, FETCHED_STEPS)

    def add(self, step: int, losses: Losses) -> None:
        """Take a step's losses, scalars on the device."""
        self._waiting.append((step, losses))

    def fetch(self) -> None:
        """Take all losses off the device.

        Raises:
            StageError: one is not finite.
        """
        if not self._waiting:
            return
        names = list(self._waiting[0][1])
        values = torch.stack(
            [torch.stack([losses[name].float() for name in names]) for _, losses in self._waiting]
        )
        # over all processes: where one is not finite, all stop
        rows = self._average(values).tolist()
        for (step, _), row in zip(self._waiting, rows, strict=True):
            losses = dict(zip(names, row, strict=True))
            if not all(map(math.isfinite, row)):
                raise StageError(f"step {step + 1} gave {losses}: expected finite losses")
            self._take(step, losses)
        self._waiting.clear()

    def latest(self) -> float:
        """Return the mean total since the last point of the curve, or of that point."""
        points = self.pending or self.curve[-1:]
        return math.fsum(point[TOTAL] for point in points) / len(points)

    def _take(self, step: int, losses: dict[str, float]) -> None:
        self.pending.append(losses)
        if (step + 1) % self._every == 0 or step == self._last:
            count = len(self.pending)
            means = {n: math.fsum(each[n] for each in self.pending) / count for n in losses}
            self.curve.append({"step": step + 1} | means)
            self.pending.clear()


class Steps:
    """Takes the steps of a method's training."""

    def __init__(self, method: Method, fabric: "Fabric") -> None:
        """Let the method set up, and build its optimisers.

        Args:
            method: what trains.
            fabric: launched.
        """
        self.method, self._fabric = method, fabric
        method.rank, method.world_size = fabric.global_rank, fabric.world_size
        method.to(fabric.device)
        method.setup(fabric.device, computed_in(fabric))
        module, *self.optimizers = fabric.setup(method, *method.optimizers())
        self._module = cast(Callable[..., Losses], module)
        self._wrapped = module

    def take(self, number: int, drawn: Iterable[Batch]) -> Losses:
        """Take step ``number``; returns the means of its losses over its batches.

        With ``max_gradient_norm`` the gradient's norm and whether it was longer stand beside them,
        of several optimisers the mean.

        Args:
            number: counted from 0.
            drawn: at least ``grad_accumulation_steps`` batches.
        """
        params = self.method.params
        parts: Iterable[Batch] = islice(drawn, params.grad_accumulation_steps)
        if len(self.optimizers) > 1:
            parts = list(parts)
        mine = f"/{self.method.rank}" if self.method.rank else ""  # else all drop the same
        torch.manual_seed(seed_for(params.seed, f"step/{number}{mine}"))
        self.method.train()
        rate, sums = self.method.learning_rate(number), Losses()
        for index, optimizer in enumerate(self.optimizers):
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get(RATE_SHARE, 1.0)
            optimizer.zero_grad()
            for part in parts:
                batch = [self._fabric.to_device(each) for each in part]
                losses = self._module(index, *batch)
                self._fabric.backward(losses[TOTAL] / params.grad_accumulation_steps)
                for name, value in losses.items():
                    share = value.detach() / params.grad_accumulation_steps
                    sums[name] = sums[name] + share if name in sums else share
            if (longest := params.max_gradient_norm) is not None:
                norm = cast(
                    Tensor,
                    self._fabric.clip_gradients(
                        self._wrapped, optimizer, max_norm=longest, error_if_nonfinite=False
                    ),
                )
                for name, value in ((GRADIENT, norm), (LIMITED, (norm > longest).float())):
                    share = value.detach() / len(self.optimizers)
                    sums[name] = sums[name] + share if name in sums else share
            optimizer.step()
        self.method.on_step_end()
        return sums


def train(method: Method, *, label: str, key: str, checkpoint: Path) -> Run:
    """Train a method to its last step, from where the checkpoint stands.

    Several processes each take a part of every batch; gradients are means over all of them.

    Args:
        method: its state is replaced by the checkpoint's where that has the same key.
        label: name in the progress, for example ``train_nir_vis@pram``.
        key: what the training depends on: params, data, code, weights. A checkpoint of another key
            is not taken up.
        checkpoint: file of the state, replaced at once; its folder is made.

    Raises:
        StageError: a loss is not finite, or a weight where a checkpoint is due; the last
            checkpoint before it is kept. Or one of several processes was refused something, or
            ended.
    """
    params = method.params
    fabric = make_fabric(params)
    if params.devices == 1:
        run = _run(fabric, method, label, key, checkpoint)
    else:
        run = _launched(fabric, method, label, key, checkpoint)
        if (trained := load_checkpoint(checkpoint, key)) is not None:
            load_method_state(method, trained["state"]["method"])
            run = run._replace(curve=trained["curve"])
    if params.steps:
        method.on_train_end(run.curve[-1])
    return run


def _launched(fabric: "Fabric", method: Method, label: str, key: str, checkpoint: Path) -> Run:
    """Run in several processes; an error on purpose comes out of them in its own words."""
    from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

    launch = cast(Callable[..., Run], fabric.launch)
    refused: SimpleQueue[str] = get_context("spawn").SimpleQueue()
    # As bytes: torch would hand over each weight in a shared memory of its own, an open file for
    # each, and a large network has more weights than a process may open files.
    sent = [pickle.dumps(method, pickle.HIGHEST_PROTOCOL)]
    try:
        return launch(_run_elsewhere, sent, label, key, checkpoint, refused)
    except ProcessRaisedException as error:
        if refused.empty():
            raise
        raise StageError(refused.get()) from error
    except ProcessExitedException as error:
        raise StageError(
            f"{label}: {one_line(error)}: expected all {method.params.devices} processes to reach "
            "the end; if memory ran out, make the batch smaller. The same command continues "
            "from the last checkpoint"
        ) from error


def _run_elsewhere(
    fabric: "Fabric",
    sent: list[bytes],
    label: str,
    key: str,
    checkpoint: Path,
    refused: "SimpleQueue[str]",
) -> Run:
    """Run, and return little: what is longer than a pipe holds would wait to be read for ever."""
    # taken out, as whoever called holds the list until the end
    method: Method = pickle.loads(sent.pop())  # noqa: S301 - of the process that started this one
    try:
        return _run(fabric, method, label, key, checkpoint)._replace(curve=Curve())
    except (CrossbandError, MemoryError, RuntimeError) as error:
        told = str(error) if isinstance(error, CrossbandError) else want_of_memory(error)
        if told is not None:
            refused.put(told)
        raise


def _run(fabric: "Fabric", method: Method, label: str, key: str, checkpoint: Path) -> Run:
    params = method.params
    if fabric.world_size > 1:  # a process of its own: set what make_fabric set, and end with ours
        torch.set_num_threads(params.threads)
        die_with_parent()
        if fabric.is_global_zero:
            show_records()
    if fabric.device.type == "cpu":
        keep_freed_memory()
    steps = Steps(method, fabric)

    def average(values: Tensor) -> Tensor:
        return cast(Tensor, fabric.all_reduce(values))

    losses = LossCurve(params.steps, average)
    done = saved = 0
    if (former := load_checkpoint(checkpoint, key)) is not None:
        done, losses.curve, losses.pending = former["step"], former["curve"], former["pending"]
        load_training_state(method, steps.optimizers, former["state"])
        saved = done
    leads = fabric.is_global_zero
    if leads and 0 < done < params.steps:
        log.info("%s: goes on after step %d of %d", label, done, params.steps)

    def draw(number: int) -> Batch:
        step, part = divmod(number, params.grad_accumulation_steps)
        drawn = method.sample_batch(rng_for(params.seed, f"step/{step}/{part}"))
        return near(fabric.device, drawn)

    each = params.grad_accumulation_steps
    numbers = range(done * each, params.steps * each)
    shown = progress(label, params.steps, done=done, unit="steps")
    with (
        shown if leads else nullcontext(_unseen) as advance,
        batches(draw, numbers, loader_threads()) as drawn,
    ):
        start = time.monotonic()
        for number in range(done, params.steps):
            losses.add(number, steps.take(number, drawn))
            saves = (number + 1) % params.checkpoint_steps == 0 or number + 1 == params.steps
            if saves or (number + 1) % losses.fetched_every == 0:
                with _stopping(label, checkpoint, saved):
                    losses.fetch()
            if saves:
                state = training_state(method, steps.optimizers)
                with _stopping(label, checkpoint, saved):
                    check_finite(state, number + 1, average)
                if leads:
                    kept = {"key": key, "step": number + 1, "state": state}
                    kept |= {"curve": losses.curve, "pending": losses.pending}
                    save_network(kept, checkpoint)
                saved = number + 1
                if leads and saved < params.steps:  # the end is told by whoever trains
                    told = label, saved, params.steps, losses.latest()
                    log.info("%s: step %d of %d, loss %.4g", *told)
            advance(1)
        return Run(losses.curve, time.monotonic() - start, drawn.waited_s)


@contextmanager
def _stopping(label: str, checkpoint: Path, saved: int) -> Iterator[None]:
    """Say what to do where something is not finite, and which step's state is kept, if any."""
    try:
        yield
    except StageError as error:
        kept = f"The state after step {saved} is kept in {checkpoint}"
        raise StageError(
            f"{label}: {error}; lower the learning rate, or train with precision float32. "
            f"{kept if saved else 'No checkpoint was saved before it'}"
        ) from error


def _unseen(_: int) -> None:
    """Take progress that nobody shows."""
