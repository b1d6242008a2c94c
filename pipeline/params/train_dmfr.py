"""Params of the stage ``train_dmfr``, by method."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Fraction, Several
from pipeline.params.training import Crop, RecogniserParams, Weight
from pipeline.types import Band

GeneratorName = Literal["head_mesh", "cyclegan", "photometric"]
Count = Annotated[int, Field(ge=1, le=4096)]


class DmfrParams(RecogniserParams):
    """What every method takes that trains on real and synthetic samples."""

    crop: Crop
    band: Band
    generators: Several[GeneratorName]
    """Whose samples are taken: ``head_mesh`` turns faces, the others lower their quality."""
    yaw_edges_deg: tuple[Annotated[float, Field(gt=-90.0, lt=90.0)], ...]
    """Where one domain of turned faces ends and the next begins."""
    ratio: tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=0, le=100)]]
    """Real samples to synthetic ones in a batch."""
    batch_images: Annotated[int, Field(ge=2, le=65536)]
    scale: Annotated[float, Field(gt=0.0, le=256.0)]
    margin: Annotated[float, Field(ge=0.0, le=3.0)]
    first_prototypes: Literal["means", "random"]
    """Where they start: at the mean feature of each subject's real faces, or anywhere."""

    @property
    def counts(self) -> tuple[int, int]:
        """Real and synthetic samples in a batch."""
        part = self.batch_images // sum(self.ratio)
        return part * self.ratio[0], part * self.ratio[1]

    @property
    def shares(self) -> Mapping[str, int]:
        """See ``RunParams``: real and synthetic samples."""
        real, made = self.counts
        return {"batch_images and ratio (real)": real, "batch_images and ratio (synthetic)": made}

    @model_validator(mode="after")
    def _filled(self) -> Self:
        if self.batch_images % sum(self.ratio):
            raise ValueError(
                f"batch_images {self.batch_images} can't be dealt out {self.ratio[0]} to "
                f"{self.ratio[1]}: expected a multiple of {sum(self.ratio)}"
            )
        if list(self.yaw_edges_deg) != sorted(set(self.yaw_edges_deg)):
            raise ValueError(f"yaw_edges_deg: expected rising values, got {self.yaw_edges_deg}")
        if self.ratio[1] and not self.generators:
            raise ValueError("generators is empty: name some, or set ratio to [1, 0]")
        return self


class SyntheticParams(DmfrParams):
    """What methods take that make no sense without synthetic samples."""

    @model_validator(mode="after")
    def _synthetic(self) -> Self:
        if not self.ratio[1]:
            raise ValueError(f"ratio {list(self.ratio)}: expected synthetic samples in a batch")
        return self


class PlainParams(DmfrParams):
    """One classifier of all samples: real only, or synthetic ones added directly."""

    kind: Literal["plain"]
    loss: Literal["softmax", "am_softmax", "arcface"]


class SeparateParams(SyntheticParams):
    """A classifier of real samples and one of synthetic ones."""

    kind: Literal["separate"]


class MetaParams(SyntheticParams):
    """A virtual step on the prototypes, judged by a domain that took no part in it."""

    kind: Literal["meta"]
    meta_rate: Annotated[float, Field(ge=0.0, le=10.0)]
    """α, in units of unit-length prototypes."""
    meta_weight: Fraction
    """λ_meta, of the meta-train loss."""
    meta_test_images: Count
    """Of a batch's synthetic samples."""
    first_order: bool
    halves: bool
    """Make two domains of an only generative one."""

    @property
    def shares(self) -> Mapping[str, int]:
        """See ``RunParams``: what is tested, too, and so what is left of the synthetic samples."""
        return {**super().shares, "meta_test_images": self.meta_test_images}

    @model_validator(mode="after")
    def _both(self) -> Self:
        if self.meta_test_images >= self.counts[1]:
            raise ValueError(
                f"meta_test_images {self.meta_test_images}: expected fewer than the "
                f"{self.counts[1]} synthetic samples of a batch, so that some train"
            )
        return self


class DisentangleParams(SyntheticParams):
    """Identity is what is left of the entangled feature without the other one."""

    kind: Literal["disentangle"]
    reconstruction_weight: Weight
    """λ_disen."""
    reconstruction: Literal["mse", "l2"]
    dimensions: Count
    """Of f_id, f_entangle and f_non-id."""
    map_channels: Annotated[int, Field(ge=2, le=8192, multiple_of=2)]


class FilterParams(SyntheticParams):
    """Synthetic features pass a filter before a classifier of their own."""

    kind: Literal["filter"]
    filter_weight: Weight
    """λ_flt."""
    paired_images: Count
    """Pairs with Δc = 0 among a batch's samples."""
    detach_target: bool
    """Whether the real feature of a pair stays where it is."""

    @property
    def shares(self) -> Mapping[str, int]:
        """See ``RunParams``: pairs, too, and so what is left of both sorts."""
        return {**super().shares, "paired_images": self.paired_images}

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.paired_images > min(self.counts):
            raise ValueError(
                f"paired_images {self.paired_images}: expected no more than the {min(self.counts)} "
                "real or synthetic samples of a batch"
            )
        if "head_mesh" not in self.generators:
            raise ValueError(
                "generators: expected head_mesh among them, as a filter learns from faces that "
                "were turned by nothing (Δc = 0)"
            )
        return self


class DulParams(DmfrParams):
    """Data uncertainty learning: a feature is a distribution."""

    kind: Literal["dul"]
    divergence_weight: Weight
    """λ."""


class ConfidenceParams(DmfrParams):
    """Confidence-aware identification: a sample has its own scale."""

    kind: Literal["confidence"]


class MixupParams(SyntheticParams):
    """Domain mixup: a real and a synthetic image in one."""

    kind: Literal["mixup"]

    @property
    def shares(self) -> Mapping[str, int]:
        """See ``RunParams``: each image is of a real and a synthetic one."""
        return {"batch_images": self.batch_images}

    @model_validator(mode="after")
    def _even(self) -> Self:
        if self.ratio[0] != self.ratio[1]:
            raise ValueError(
                f"ratio {list(self.ratio)}: expected two equal numbers, as mixup joins each real "
                "image with a synthetic one"
            )
        return self


class ReversalParams(SyntheticParams):
    """Gradient reversal: features that don't tell whether they are synthetic."""

    kind: Literal["reversal"]
    reversal_weight: Weight


AnyDmfrParams = Annotated[
    PlainParams
    | SeparateParams
    | MetaParams
    | DisentangleParams
    | FilterParams
    | DulParams
    | ConfidenceParams
    | MixupParams
    | ReversalParams,
    Field(discriminator="kind"),
]
