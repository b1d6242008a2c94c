"""What trainings on people in several bands take, pretraining and training alike."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Bands, Fraction, Name, Section, SomeOf
from pipeline.params.training import TrainingParams, Weight
from pipeline.types import Band


class AugmentationParams(Section):
    """Random changes to a crop; chances, and pixels of padding."""

    mirror: Fraction
    pad_px: Annotated[int, Field(ge=0, le=256)]
    """A cut of the old size is taken from the image with so much black around it."""
    erase: Fraction
    grey: Fraction
    one_channel: Fraction
    """Red, green or blue in place of all three."""


class SubjectsParams(Section):
    """Which of the training subjects take part, in an order that no seed changes."""

    skip: Annotated[int, Field(ge=0, le=1_000_000)]
    take: Annotated[int, Field(ge=2, le=1_000_000)] | None = None
    """None: all that are left."""


class PeopleParams(TrainingParams):
    """What trainings on people take, by body or face."""

    kind: str
    dataset: Name
    protocols: SomeOf[str]
    """Protocols of the data set whose tables ``train`` together say who trains, fold by fold."""
    bands: Bands
    subjects: SubjectsParams
    sampler: Literal["domain_aware", "random"]
    """Every subject of a batch in each of ``bands``, or whatever their bands."""
    batch_subjects: Annotated[int, Field(ge=2, le=4096)]
    images_per_band: Annotated[int, Field(ge=1, le=256)]
    """Of each subject of a batch; random sampling draws as many in all bands together."""
    schedule: Literal["milestones", "cosine"]
    augmentation: AugmentationParams

    @property
    def shares(self) -> Mapping[str, int]:
        """See ``RunParams``."""
        size = self.batch_subjects * len(self.bands) * self.images_per_band
        return {"batch_subjects, bands and images_per_band": size}

    @model_validator(mode="after")
    def _of_use(self) -> Self:
        if len(self.bands) * self.images_per_band < 2:
            raise ValueError(
                "one band and images_per_band 1 give each subject of a batch one image: expected "
                "two or more, so that there are mates"
            )
        if self.schedule == "cosine" and self.milestones:
            raise ValueError("milestones belong to schedule 'milestones': expected none")
        return self


class BodyParams(PeopleParams):
    """Global and local tokens of a vision transformer on bodies."""

    kind: Literal["semantic_vit"]
    triplet_weight: Weight
    """λ."""
    triplet_margin: Annotated[float, Field(ge=0.0, le=100.0)] | Literal["soft"]
    """Δ of the hinge, or the soft margin."""
    bn_neck: bool
    """Whether identity is lost, and embeddings are compared, after a batch normalisation."""


class DeenParams(PeopleParams):
    """Expanded embeddings of bodies, visible and infra-red ones: DEEN."""

    kind: Literal["deen"]
    triplet_margin: Annotated[float, Field(ge=0.0, le=100.0)] | Literal["weighted"]
    """Of the hinge of batch-hard triplets, or triplets of all pairs with weights and no margin."""
    center_weight: Weight
    """λ1, of the centre-guided pairs."""
    center_margin: Annotated[float, Field(ge=0.0, le=100.0)]
    """α."""
    orthogonality_weight: Weight
    """λ2."""
    backbone_rate: Annotated[float, Field(gt=0.0, le=1.0)]
    """Rate of all but neck and classifier, as a share of the step's."""

    @model_validator(mode="after")
    def _visible_and_others(self) -> Self:
        if Band.VIS not in self.bands or len(self.bands) < 2:
            raise ValueError(
                f"bands: {list(map(str, self.bands))}: expected VIS and another one: DEEN pulls "
                "visible and infra-red images of a person together"
            )
        return self


class AdaFaceParams(PeopleParams):
    """AdaFace on the faces of the same people."""

    kind: Literal["adaface"]
    scale: Annotated[float, Field(gt=0.0, le=256.0)]
    margin: Annotated[float, Field(ge=0.0, le=3.0)]
    concentration: Annotated[float, Field(gt=0.0, le=3.0)]
    """h: how far lengths of features spread the margin."""


class LoraParams(Section):
    """Low-rank adaptation in place of all weights."""

    rank: Annotated[int, Field(ge=1, le=1024)]
    alpha: Annotated[int, Field(ge=1, le=4096)]
    recompute: bool
    """Whether activations are computed again for the gradients: far less memory, more time."""
