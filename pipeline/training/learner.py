"""A recogniser's training as a task of ``training.loop``: batches, gradients, learning rate."""

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn

from models.nets.pram import trainable
from pipeline.params import TrainingParams
from pipeline.rng import generator_for
from pipeline.training.loop import train
from pipeline.training.setup import learning_rate, make_fabric, make_optimizer

Batch = tuple[Tensor, ...]
Curve = list[dict[str, float]]
TOTAL = "total"
"""Name of the loss whose gradient is taken."""


class Learner(nn.Module):
    """A network that trains, with all that trains or is kept beside it.

    Its state is all that a checkpoint holds of it; what can be computed again is no buffer.
    """

    def prepare(self, device: torch.device, dtype: torch.dtype) -> None:
        """Compute once what all batches need.

        Args:
            device: where the training runs.
            dtype: of the activations there.
        """

    def draw(self, generator: np.random.Generator) -> Batch:
        """Draw a batch: what ``forward`` takes."""
        raise NotImplementedError

    def forward(self, *batch: Tensor) -> dict[str, Tensor]:
        """Return a batch's losses by name, the one to minimise as ``total``."""
        raise NotImplementedError

    def after_step(self) -> None:
        """Do what follows each step of the optimiser."""


class GradientTraining:
    """Trains a learner: seeded by the step's number, so that no random state has to be kept."""

    def __init__(self, params: TrainingParams, learner: Learner) -> None:
        """Set up devices, precision and optimiser, and let the learner prepare.

        Args:
            params: of the training.
            learner: whose parameters that require a gradient train.
        """
        self.params, self.learner = params, learner
        self._fabric = make_fabric(params)
        learner.to(self._fabric.device)
        learner.prepare(self._fabric.device, _dtype(self._fabric))
        optimizer = make_optimizer(params, list(trainable(learner)))
        self._module, self._optimizer = self._fabric.setup(learner, optimizer)

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
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / self.params.accumulate
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
    """Train a learner to its last step, from where ``checkpoint.pt`` beside ``path`` stands."""
    return train(
        GradientTraining(params, learner),
        label=label,
        steps=params.steps,
        checkpoint=path.with_name("checkpoint.pt"),
        checkpoint_steps=params.checkpoint_steps,
        key=key,
    )


def in_float32(features: Tensor) -> torch.autocast:
    """Return a context without reduced precision: losses need more digits than networks."""
    return torch.autocast(features.device.type, enabled=False)


def _dtype(fabric: lightning.Fabric) -> torch.dtype:
    return torch.bfloat16 if str(fabric._precision.precision).startswith("bf16") else torch.float32
