"""What a method is to the engine: a network, its losses, and the batches that it draws."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.errors import StageError
from pipeline.params.training import RunParams

Batch = tuple[Tensor, ...]
Losses = dict[str, Tensor]
TOTAL = "total"
"""Name of the loss whose gradient is taken."""
RATE_SHARE = "rate_share"
"""Key of an optimiser's group of weights: its rate as a share of the step's, 1 without."""


class Method(nn.Module, ABC):
    """A network with all that trains, or is kept, beside it.

    Its state is what a checkpoint holds of it, less ``frozen``; what can be computed again is no
    buffer.

    Attributes:
        inputs: names of the stages whose outputs it reads.
        params: of the training.
        rank: number of this process among those that share each batch.
        world_size: how many they are.
    """

    inputs: ClassVar[tuple[str, ...]] = ()
    rank: int = 0
    world_size: int = 1

    def __init__(self, params: RunParams) -> None:
        super().__init__()
        self.params = params

    def setup(self, device: torch.device, dtype: torch.dtype) -> None:
        """Compute once what all batches need; rank and world size are known by now.

        Args:
            device: where the training runs.
            dtype: of the activations there.
        """

    @abstractmethod
    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw this process's part of a batch.

        Threads call it ahead and in any order: what it returns depends on ``rng`` alone.
        """

    @abstractmethod
    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return a batch's losses by name, in each step the same; one is called ``total``.

        Args:
            batch: what ``sample_batch`` drew, on the device.
            optimizer_index: which optimiser minimises the total; they take turns in each step.
        """

    def forward(self, optimizer_index: int, *batch: Tensor) -> Losses:
        """Take a training step: the engine calls it through what spreads it over processes."""
        return self.training_step(batch, optimizer_index)

    @abstractmethod
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Build the optimisers of all that trains."""

    @abstractmethod
    def learning_rate(self, step: int) -> float:
        """Return the rate of a step, counted from 0."""

    def on_step_end(self) -> None:
        """Do what follows each step of the optimisers."""

    def on_train_end(self, losses: Mapping[str, float]) -> None:
        """Leave the network as it is used, after the last step.

        Args:
            losses: the last point of the training's curve: means over its last steps and all
                processes, of what ``training_step`` returned.
        """

    def frozen(self) -> Sequence[str]:
        """Return the beginnings of the names in its state that never change.

        No checkpoint holds them: whoever builds the method has them from where they come from.
        """
        return ()

    def shard(self, drawn: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return this process's part of what every process drew alike, along the last axis.

        Raises:
            StageError: it can't be dealt out evenly.
        """
        if drawn.shape[-1] % self.world_size:
            raise StageError(
                f"a batch of {drawn.shape[-1]} can't be dealt out to {self.world_size} processes: "
                "expected a multiple; change the batch or devices"
            )
        return drawn[..., self.rank :: self.world_size]


def in_float32(features: Tensor) -> torch.autocast:
    """Return a context without reduced precision: losses need more digits than networks."""
    return torch.autocast(features.device.type, enabled=False)
