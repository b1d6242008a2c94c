"""Params that every training takes, whatever its stage."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import NEUTRAL, Device, Name, Precision, Section, Seed
from pipeline.types import Band

Weight = Annotated[float, Field(ge=0.0, le=1000.0)]

Crop = Literal["image", "dmfr"]
"""Which crop of a face: ``image``, as ``align`` aligned it, or ``dmfr``, DMFR's of 137×169."""

TRAINED = "trained"
"""Folder in ``data`` of trained networks, and so the name of no data set."""


def only_one(found: int, band: Band) -> str | None:
    """Say that fewer than two people have images in a band, and what to do; None if two have."""
    if found > 1:
        return None
    return (
        f"{found} training subjects have images in {band}: expected at least 2, to tell apart; "
        "add people to the split train, or check the band"
    )


class RunParams(Section):
    """How long, on what and from which seed anything trains."""

    steps: Annotated[int, Field(ge=0, le=10_000_000)]
    """0 leaves the network as it starts; ``train_degrader`` then leaves it out."""
    learning_rate: Annotated[float, Field(gt=0.0, le=10.0)]
    grad_accumulation_steps: Annotated[int, Field(ge=1, le=1024)]
    """Batches whose gradients make one step."""
    max_gradient_norm: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    """Longer gradients, of all weights together, are shortened to it; None takes any."""
    checkpoint_steps: Annotated[int, Field(ge=1, le=1_000_000), NEUTRAL]
    image_budget_mb: Annotated[int, Field(ge=16, le=1_048_576), NEUTRAL]
    """What decoded images and kept features may take, in each process."""
    threads: Annotated[int, Field(ge=1, le=256)]
    device: Device
    devices: Annotated[int, Field(ge=1, le=64)]
    precision: Precision
    seed: Seed

    @property
    def shares(self) -> Mapping[str, int]:
        """What of a batch each process takes an equal part of, by the keys that say how much."""
        return {}

    @model_validator(mode="after")
    def _evenly_shared(self) -> Self:
        for keys, size in self.shares.items():
            if size % self.devices:
                raise ValueError(
                    f"devices is {self.devices}, but a batch has {size} by {keys}: expected a "
                    f"multiple of {self.devices}, so that each process has as many"
                )
        return self


class TrainingParams(RunParams):
    """What every training of a recogniser takes."""

    optimizer: Literal["sgd", "adamw"]
    milestones: tuple[Annotated[int, Field(ge=1)], ...]
    """Steps at which the rate is divided by ten."""
    warmup_steps: Annotated[int, Field(ge=0, le=1_000_000)]
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)]
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)]

    @model_validator(mode="after")
    def _milestones_rise(self) -> Self:
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones: expected rising steps, got {self.milestones}")
        return self


class RecogniserParams(TrainingParams):
    """What every method takes that goes on from a pretrained recogniser, whatever its family."""

    kind: str
    dataset: Name
    pretrained: Name
    """Which entry of the family's pretraining gives the backbone."""
