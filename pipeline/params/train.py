"""Params of the stage ``train``: what every training takes, and each method."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import NEUTRAL, Fraction, Name, Section, Seed
from pipeline.types import Band

Weight = Annotated[float, Field(ge=0.0, le=1000.0)]


TRAINED = "trained"
"""Folder in ``data`` of trained networks, and so the name of no data set."""


class TrainingParams(Section):
    """What every training of a recogniser takes."""

    steps: Annotated[int, Field(ge=0, le=10_000_000)]
    """0 leaves the network as it starts."""
    optimizer: Literal["sgd", "adamw"]
    learning_rate: Annotated[float, Field(gt=0.0, le=10.0)]
    decay_at_steps: tuple[Annotated[int, Field(ge=1)], ...]
    """Steps at which the rate is divided by ten."""
    warmup_steps: Annotated[int, Field(ge=0, le=1_000_000)]
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)]
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)]
    max_gradient_norm: Annotated[float, Field(gt=0.0, le=1e6)] | None
    """Longer gradients, of all weights together, are shortened to it; None takes any."""
    accumulate: Annotated[int, Field(ge=1, le=1024)]
    """Batches whose gradients make one step."""
    checkpoint_steps: Annotated[int, Field(ge=1, le=1_000_000), NEUTRAL]
    threads: Annotated[int, Field(ge=1, le=256)]
    device: Literal["cpu", "cuda", "auto"]
    devices: Annotated[int, Field(ge=1, le=64)]
    precision: Literal["auto", "32-true", "bf16-mixed"]
    seed: Seed

    @model_validator(mode="after")
    def _decay_rises(self) -> Self:
        if list(self.decay_at_steps) != sorted(set(self.decay_at_steps)):
            raise ValueError(f"decay_at_steps: expected rising steps, got {self.decay_at_steps}")
        return self


PairLoss = Literal["softmax", "am_softmax", "arcface", "triplet"]


class MethodParams(TrainingParams):
    """What every method takes."""

    dataset: Name
    protocol: Annotated[str, Field(min_length=1)]
    """Protocol of the data set whose table ``train`` says who trains, fold by fold."""
    start: Name
    """Which ``pretrain`` gives the backbone."""
    bands: tuple[Band, Band]
    masked: bool
    """Whether images of the second band are those of the stage ``masks``."""

    @model_validator(mode="after")
    def _two_bands(self) -> Self:
        if self.bands[0] == self.bands[1]:
            raise ValueError(f"bands: expected two different bands, got {list(self.bands)}")
        return self


class RelatingParams(MethodParams):
    """What the methods on LightCNN-9's frozen layers take."""

    triplet_margin: Fraction
    softmax_weight: Weight
    batch_triplets: Annotated[int, Field(ge=1, le=4096)]
    kept_crops: Annotated[int, Field(ge=0, le=1000)]
    """Random crops of each face whose frozen features are kept; 0 computes them at each step."""


class PramParams(RelatingParams):
    """Part relation attention with a triplet loss on components."""

    kind: Literal["pram"]
    relations: bool
    """False: the backbone alone on the whole face, the paper's row "fine-tuned"."""
    triplet: Literal["none", "conditional", "adaptive"]

    @model_validator(mode="after")
    def _components(self) -> Self:
        if self.triplet != "none" and not self.relations:
            raise ValueError(f"triplet {self.triplet!r} compares components: set relations")
        return self


class RelationParams(RelatingParams):
    """Baselines of PRAM: relations of places of the feature map, not of parts of the face."""

    kind: Literal["relation"]
    relation: Literal["pairs", "graph"]
    """RM or RGM."""
    triplet: Literal["none", "conditional"]


class PairParams(MethodParams):
    """What the methods take whose batches are pairs of one subject."""

    scale: Annotated[float, Field(gt=0.0, le=256.0)]
    margin: Annotated[float, Field(ge=0.0, le=3.0)]
    batch_pairs: Annotated[int, Field(ge=1, le=4096)]


class HsstParams(PairParams):
    """Heterogeneous semi-siamese training."""

    kind: Literal["hsst"]
    loss: PairLoss
    queues: Literal[1, 2]
    """1 is semi-siamese training as it was: one queue, and pairs whatever their bands."""
    prototypes: Annotated[int, Field(ge=1, le=1_000_000)]
    """Length of each queue."""
    ema_momentum: Annotated[float, Field(ge=0.0, lt=1.0)]


class PlainParams(PairParams):
    """One network, both bands, one loss: the baseline of both papers."""

    kind: Literal["plain"]
    loss: PairLoss

    @model_validator(mode="after")
    def _strangers(self) -> Self:
        if self.loss == "triplet" and self.batch_pairs < 2:
            raise ValueError("batch_pairs is 1: a triplet finds its negative in another pair")
        return self


class InvariantParams(PairParams):
    """IDR and W-CNN: a subspace that the bands share, and one of each band's own."""

    kind: Literal["invariant"]
    loss: Literal["softmax", "am_softmax", "arcface"]
    shared_dimensions: Annotated[int, Field(ge=1, le=4096)]
    """Of the backbone's; what is left is each band's own."""
    orthogonal_weight: Weight
    wasserstein_weight: Weight
    """0 is IDR; W-CNN has this term."""


AnyMethodParams = Annotated[
    PramParams | RelationParams | HsstParams | PlainParams | InvariantParams,
    Field(discriminator="kind"),
]
