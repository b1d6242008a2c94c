"""Params of the stage ``train_nir_vis``, by method."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from pipeline.params.base import NEUTRAL, Folds, Fraction
from pipeline.params.training import RecogniserParams, Weight
from pipeline.types import Band

PairLoss = Literal["softmax", "am_softmax", "arcface", "triplet"]


class People(NamedTuple):
    """How many people with images in both bands a training needs.

    Attributes:
        needed: so many, at least.
        why: what for.
        keys: of params that can be lowered; none if it is always as many.
    """

    needed: int
    why: str
    keys: tuple[str, ...] = ()


class NirVisParams(RecogniserParams):
    """What every method on faces in two bands takes."""

    protocol: Annotated[str, Field(min_length=1)]
    """Protocol of the data set whose table ``train`` says who trains, fold by fold."""
    folds: Annotated[Annotated[Folds, Field(min_length=1)] | None, NEUTRAL] = None
    """Which of the protocol's; None takes all."""
    bands: tuple[Band, Band]
    second_rows: Literal["parts", "masks"]
    """Stage whose images those of the second band are."""

    @property
    def people(self) -> People:
        """Who has to be there: two, to be told apart."""
        return People(2, "to tell apart")

    def too_few(self, found: int, known: int) -> str | None:
        """Say that too few people have images in both bands, and what to change.

        Args:
            found: those who have.
            known: all who train.

        Returns:
            None if they suffice.
        """
        needed, why, keys = self.people
        if found >= needed:
            return None
        lower = ""
        if keys and found > 1:
            together = " together" if len(keys) > 1 else ""
            lower = f"lower {' or '.join(keys)} to {found}{together}, or "
        return (
            f"{found} of {known} training subjects have images in both {' and '.join(self.bands)}"
            f": expected at least {needed}, {why}; {lower}add people to train, or check bands and "
            "the split"
        )

    @model_validator(mode="after")
    def _two_bands(self) -> Self:
        if self.bands[0] == self.bands[1]:
            raise ValueError(f"bands: expected two different bands, got {list(self.bands)}")
        return self


class RelatingParams(NirVisParams):
    """What the methods on LightCNN-9's frozen layers take."""

    triplet: Literal["none", "conditional", "adaptive"]
    triplet_margin: Fraction
    softmax_weight: Weight
    batch_triplets: Annotated[int, Field(ge=1, le=4096)]
    kept_crops: Annotated[int, Field(ge=0, le=1000)]
    """Crops of each face, its middle and then random ones of its own, whose frozen features are
    kept; 0 draws one at each step."""

    @property
    def shares(self) -> Mapping[str, int]:
        """See ``RunParams``."""
        return {"batch_triplets": self.batch_triplets}


class PramParams(RelatingParams):
    """Part relation attention with a triplet loss on components."""

    kind: Literal["pram"]
    relations: bool
    """False: the backbone alone on the whole face, the paper's row "fine-tuned"."""

    @model_validator(mode="after")
    def _components(self) -> Self:
        if self.triplet != "none" and not self.relations:
            raise ValueError(
                f"triplet {self.triplet!r} compares components: set relations to true, or triplet "
                "to 'none'"
            )
        return self


class RelationParams(RelatingParams):
    """RM and RGM: relations of places of the feature map, not of parts of the face."""

    kind: Literal["rm", "rgm"]
    triplet: Literal["none", "conditional"]


class PairParams(NirVisParams):
    """What the methods take whose batches are pairs of one subject."""

    scale: Annotated[float, Field(gt=0.0, le=256.0)]
    margin: Annotated[float, Field(ge=0.0, le=3.0)]
    batch_pairs: Annotated[int, Field(ge=1, le=4096)]

    @property
    def shares(self) -> Mapping[str, int]:
        """See ``RunParams``."""
        return {"batch_pairs": self.batch_pairs}

    @property
    def people(self) -> People:
        """Who has to be there: each pair of a batch is of another subject."""
        if self.batch_pairs < 2:
            return super().people
        return People(self.batch_pairs, "one for each pair of a batch", ("batch_pairs",))


class TripletParams(PairParams):
    """What the methods take whose triplets find their negatives in the batch's other pairs."""

    @property
    def triplets_in_batch(self) -> bool:
        """Whether a triplet's negative is of another pair of the batch."""
        return True

    @model_validator(mode="after")
    def _negatives(self) -> Self:
        if self.triplets_in_batch and self.batch_pairs < 2:
            raise ValueError(
                "batch_pairs is 1: expected 2 or more, as a triplet finds its negative in another "
                "pair of the batch"
            )
        return self


class HsstParams(PairParams):
    """Heterogeneous semi-siamese training."""

    kind: Literal["hsst"]
    loss: PairLoss
    queues: Literal[1, 2]
    """1 is semi-siamese training as it was: one queue, and pairs whatever their bands."""
    prototypes: Annotated[int, Field(ge=1, le=1_000_000)]
    """Length of each queue."""
    ema_momentum: Annotated[float, Field(ge=0.0, lt=1.0)]

    @property
    def people(self) -> People:
        """Who has to be there: nobody is in a queue and in a batch."""
        return People(
            self.prototypes + self.batch_pairs,
            f"{self.prototypes} in a queue and {self.batch_pairs} in a batch, so that a queue can "
            "hold negatives only",
            ("prototypes", "batch_pairs"),
        )


class FinetuneParams(TripletParams):
    """One network, both bands, one loss: the baseline of both papers."""

    kind: Literal["finetune"]
    loss: PairLoss

    @property
    def triplets_in_batch(self) -> bool:
        """Whether it trains by triplets at all."""
        return self.loss == "triplet"


class TrivetParams(TripletParams):
    """Triplets across two bands; ``margin`` is theirs."""

    kind: Literal["trivet"]


class CdlParams(TripletParams):
    """A classifier for each band, coupled, and a ranking across bands."""

    kind: Literal["cdl"]
    loss: Literal["softmax", "am_softmax", "arcface"]
    coupling_weight: Weight
    ranking_weight: Weight
    ranking_margin: Annotated[float, Field(ge=0.0, le=4.0)]


class AdflParams(PairParams):
    """Features that do not tell their band."""

    kind: Literal["adfl"]
    loss: Literal["softmax", "am_softmax", "arcface"]
    adversarial_weight: Weight
    variance_weight: Weight
    pairs_weight: Weight


class SubspaceParams(PairParams):
    """A subspace that the bands share, and one of each band's own."""

    loss: Literal["softmax", "am_softmax", "arcface"]
    shared_dimensions: Annotated[int, Field(ge=1, le=4096)]
    """Of the backbone's; what is left is each band's own."""
    orthogonal_weight: Weight


class IdrParams(SubspaceParams):
    """Orthogonal subspaces alone."""

    kind: Literal["idr"]


class WcnnParams(SubspaceParams):
    """With the Wasserstein distance of the bands in what they share."""

    kind: Literal["wcnn"]
    wasserstein_weight: Annotated[float, Field(gt=0.0, le=1000.0)]


AnyNirVisParams = Annotated[
    PramParams
    | RelationParams
    | HsstParams
    | FinetuneParams
    | TrivetParams
    | CdlParams
    | AdflParams
    | IdrParams
    | WcnnParams,
    Field(discriminator="kind"),
]
