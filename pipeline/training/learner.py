"""A recogniser's training as a task of ``training.loop``: batches, gradients, learning rate."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from models.freezing import trainable
from pipeline.errors import StageError
from pipeline.params.train import TrainingParams
from pipeline.rng import generator_for
from pipeline.store.locks import die_with_parent
from pipeline.training.loop import load_checkpoint, train
from pipeline.training.samplers import Int64
from pipeline.training.setup import computed_in, learning_rate, make_fabric, make_optimizer

Batch = tuple[Tensor, ...]
Curve = list[dict[str, float]]
TOTAL = "total"
"""Name of the loss whose gradient is taken."""


class Learner(nn.Module, ABC):
    """A network that trains, with all that trains or is kept beside it.

    Its state is all that a checkpoint holds of it; what can be computed again is no buffer.

    Attributes:
        share: number of this process, and of processes that share each batch.
    """

    share: tuple[int, int] = (0, 1)

    def prepare(self, device: torch.device, dtype: torch.dtype) -> None:
        """Compute once what all batches need.

        Args:
            device: where the training runs.
            dtype: of the activations there.
        """

    @abstractmethod
    def draw(self, generator: np.random.Generator) -> Batch:
        """Draw this process's share of a batch: what ``forward`` takes."""

    @abstractmethod
    def forward(self, *batch: Tensor) -> dict[str, Tensor]:
        """Return a batch's losses by name, the one to minimise as ``total``."""

    def after_step(self) -> None:
        """Do what follows each step of the optimiser."""

    def finish(self) -> None:
        """Leave the network as it is used, after the last step."""

    def mine(self, drawn: Int64) -> Int64:
        """Return this process's share of what every process drew alike, along the last axis.

        Raises:
            StageError: it can't be dealt out evenly.
        """
        process, processes = self.share
        if drawn.shape[-1] % processes:
            raise StageError(
                f"a batch of {drawn.shape[-1]} can't be dealt out to {processes} processes: "
                "expected a multiple; change the batch or devices"
            )
        return drawn[..., process::processes]


class GradientTraining:
    """Trains a learner: seeded by the step's number, so that no random state has to be kept."""

    def __init__(self, params: TrainingParams, learner: Learner, fabric: Fabric) -> None:
        """Set up the optimiser, and let the learner prepare.

        Args:
            params: of the training.
            learner: whose parameters that require a gradient train.
            fabric: launched.
        """
        self.params, self.learner, self._fabric = params, learner, fabric
        learner.share = fabric.global_rank, fabric.world_size
        learner.to(fabric.device)
        learner.prepare(fabric.device, computed_in(fabric))
        optimizer = make_optimizer(params, list(trainable(learner)))
        self._module, self._optimizer = fabric.setup(learner, optimizer)

    def step(self, number: int) -> dict[str, float]:
        """Take step ``number``; returns the means of its losses."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.params, number)
        self.learner.train()
        self._optimizer.zero_grad()
        sums: dict[str, float] = {}
        for part in range(self.params.accumulate):
            generator = generator_for(self.params.seed, f"step/{number}/{part}")
            batch = [self._fabric.to_device(each) for each in self.learner.draw(generator)]
            losses = self._module(*batch)
            self._fabric.backward(losses[TOTAL] / self.params.accumulate)
            for name, value in losses.items():
                # over all processes: where one is not finite, all stop
                mean = cast(Tensor, self._fabric.all_reduce(value.detach()))
                sums[name] = sums.get(name, 0.0) + float(mean) / self.params.accumulate
        if (longest := self.params.max_gradient_norm) is not None:
            self._fabric.clip_gradients(
                self._module, self._optimizer, max_norm=longest, error_if_nonfinite=False
            )
        self._optimizer.step()
        self.learner.after_step()
        return sums

    def state(self) -> dict[str, Any]:
        """Return the learner's and the optimiser's state."""
        return {"learner": self.learner.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what ``state`` returned."""
        self.learner.load_state_dict(state["learner"])
        self._optimizer.load_state_dict(state["optimizer"])


def train_learner(
    learner: Learner, params: TrainingParams, *, label: str, key: str, path: Path
) -> Curve:
    """Train a learner to its last step, from where ``checkpoint.pt`` beside ``path`` stands.

    Several processes each take a share of every batch; gradients are means over all of them.
    """
    fabric = make_fabric(params)
    checkpoint = path.with_name("checkpoint.pt")
    if params.devices == 1:
        curve = _run(fabric, learner, params, label, key, checkpoint)
    else:
        launch = cast(Callable[..., Curve], fabric.launch)
        curve = launch(_run, learner, params, label, key, checkpoint)
        trained = load_checkpoint(checkpoint, key)
        if trained is not None:
            learner.load_state_dict(trained["task"]["learner"])
    if params.steps:
        learner.finish()
    return curve


def _run(
    fabric: Fabric,
    learner: Learner,
    params: TrainingParams,
    label: str,
    key: str,
    checkpoint: Path,
) -> Curve:
    if fabric.world_size > 1:  # a process of its own: set what make_fabric set, and end with ours
        torch.set_num_threads(params.threads)
        die_with_parent()
    return train(
        GradientTraining(params, learner, fabric),
        label=label,
        steps=params.steps,
        checkpoint=checkpoint,
        checkpoint_steps=params.checkpoint_steps,
        key=key,
        leads=fabric.is_global_zero,
    )


def in_float32(features: Tensor) -> torch.autocast:
    """Return a context without reduced precision: losses need more digits than networks."""
    return torch.autocast(features.device.type, enabled=False)
