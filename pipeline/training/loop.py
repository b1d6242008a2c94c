"""The one training loop: steps, loss curve, checkpoints, resuming, a stop at what is not finite.

A task draws everything random in a step from a generator seeded by the step's number, so a
checkpoint holds no random state, and a training that was killed ends where it would have.
"""

import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch

from pipeline.errors import StageError
from pipeline.store.progress import progress

CURVE_POINTS = 200
"""Points of the loss curve that a training leaves behind, whatever its length."""


class Task(Protocol):
    """What a training does in one step, and all the state it changes by that."""

    def step(self, number: int) -> Mapping[str, float]:
        """Take step ``number``, counted from 0; returns its losses by name."""

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on: tensors, numbers, strings and their nests."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what ``state`` returned."""


def train(
    task: Task,
    *,
    label: str,
    steps: int,
    checkpoint: Path,
    checkpoint_steps: int,
    key: str,
    leads: bool = True,
) -> list[dict[str, float]]:
    """Train up to the last step, from where the checkpoint stands.

    Args:
        task: the training; its state is replaced by the checkpoint's where that has the same key.
        label: name in the progress, for example ``train@pram``.
        steps: number of steps in all.
        checkpoint: file of the state, replaced at once; its folder is made.
        checkpoint_steps: steps between two checkpoints.
        key: what the training depends on: params, data, code, weights. A checkpoint of another key
            is not taken up.
        leads: whether this process writes and shows progress; of several, one does.

    Returns:
        The loss curve: means over equal runs of steps, each with ``step``, the last one in it.

    Raises:
        StageError: a loss is not finite. The last checkpoint before it is kept.
    """
    every = max(1, steps // CURVE_POINTS)
    done, curve, pending = 0, list[dict[str, float]](), list[dict[str, float]]()
    if (former := load_checkpoint(checkpoint, key)) is not None:
        done, curve, pending = former["step"], former["curve"], former["pending"]
        task.load_state(former["task"])
    with progress(label, steps) if leads else nullcontext(_nobody) as advance:
        advance(done)
        for number in range(done, steps):
            losses = dict(task.step(number))
            if not all(map(math.isfinite, losses.values())):
                raise StageError(
                    f"{label}: step {number + 1} gave {losses}: expected finite losses; lower the "
                    "learning rate, or train with precision 32-true. What was good up to then is "
                    f"kept in {checkpoint}"
                )
            pending.append(losses)
            if (number + 1) % every == 0 or number + 1 == steps:
                curve.append({"step": number + 1} | _means(pending))
                pending = []
            if leads and ((number + 1) % checkpoint_steps == 0 or number + 1 == steps):
                state = {"step": number + 1, "curve": curve, "pending": pending}
                save_whole(state | {"key": key, "task": task.state()}, checkpoint)
            advance(1)
    return curve


def load_checkpoint(path: Path, key: str) -> dict[str, Any] | None:
    """Return a checkpoint's state, None where there is none of this key."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state if state.get("key") == key else None


def save_whole(values: Mapping[str, Any], path: Path) -> None:
    """Write a file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    torch.save(dict(values), partial)
    partial.replace(path)


def _nobody(_: int) -> None:
    """Take progress that nobody shows."""


def _means(losses: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for each in losses for name in each)
    return {
        name: math.fsum(values) / len(values)
        for name in names
        if (values := [each[name] for each in losses if name in each])
    }
