"""Checkpoints: what trains, as it stands after some steps."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import DamageError, StageError
from pipeline.store.networks import load_network
from pipeline.training.engine.method import Method

log = logging.getLogger(__name__)


def load_checkpoint(path: Path, key: str) -> dict[str, Any] | None:
    """Return a checkpoint's state, None where there is none of this key, or none that is whole."""
    if not path.is_file():
        return None
    try:
        state = load_network(path)
    except DamageError:
        log.warning("%s is damaged or of another version: training starts from the beginning", path)
        return None
    return state if state.get("key") == key else None


def training_state(method: Method, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Any]:
    """Return all that the next step depends on and that can't be had from elsewhere."""
    frozen = tuple(method.frozen())
    state = {n: v for n, v in method.state_dict().items() if not (frozen and n.startswith(frozen))}
    return {"method": state, "optimizers": [each.state_dict() for each in optimizers]}


def check_finite(state: Mapping[str, Any], step: int, average: Callable[[Tensor], Tensor]) -> None:
    """Refuse a state that no training could go on from, though all losses before it were finite.

    Args:
        state: of ``training_state``.
        step: the number of steps that made it.
        average: makes the mean over all processes: where one's is not finite, all stop.

    Raises:
        StageError: a weight, or what a layer remembers, is not finite.
    """
    # What a method keeps of its own beside weights (a pool, a queue) may be any value.
    kept = {n: v for n, v in state["method"].items() if isinstance(v, Tensor)}
    floats = {name: value for name, value in kept.items() if value.is_floating_point()}
    broken = torch.stack([value.isfinite().all().logical_not() for value in floats.values()])
    shares = average(broken.float()).tolist()
    if names := [name for name, share in zip(floats, shares, strict=True) if share]:
        raise StageError(
            f"step {step} left {len(names)} of {len(floats)} weights and statistics not finite, "
            f"among them {names[0]}: expected finite ones"
        )


def load_training_state(
    method: Method, optimizers: Sequence[torch.optim.Optimizer], state: Mapping[str, Any]
) -> None:
    """Go on from what ``training_state`` returned."""
    load_method_state(method, state["method"])
    for optimizer, values in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(values)


def load_method_state(method: Method, state: Mapping[str, Tensor]) -> None:
    """Load all of a method's state but what is frozen.

    Raises:
        StageError: the checkpoint lacks some of it, or holds more.
    """
    frozen = tuple(method.frozen())
    found = method.load_state_dict(dict(state), strict=False)
    missing = [name for name in found.missing_keys if not (frozen and name.startswith(frozen))]
    if other := [*missing, *found.unexpected_keys]:
        raise StageError(
            f"a checkpoint does not fit {type(method).__name__}: {len(other)} names differ, among "
            f"them {other[0]}; delete it and train from the start"
        )
