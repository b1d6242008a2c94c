"""Params of DMFR's ablations: ``ablations/dmfr/params.yaml``, a file of its own."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Name, Section, Seeds
from pipeline.params.contrasts import ContrastParams, check_contrasts
from pipeline.params.evaluation import NetworkParams
from pipeline.params.train_dmfr import AnyDmfrParams


class TestedParams(Section):
    """What networks are tested on."""

    protocol: Annotated[str, Field(min_length=1)]
    probes: Literal["real", "cyclegan", "photometric"]


class DmfrRowParams(Section):
    """One row of the paper's tables."""

    title: Annotated[str, Field(min_length=1)]
    published: str | None
    """Name of the published row that stands beside it."""
    method: AnyDmfrParams
    """Its seed is replaced by each of the ablation's."""


class DmfrAblationParams(Section):
    """Rows, each trained with every seed from the same start."""

    seeds: Annotated[Seeds, Field(min_length=2)]
    tested: Annotated[dict[str, TestedParams], Field(min_length=1)]
    faces: Annotated[int, Field(ge=4, le=100_000)]
    """Held-out faces on which the modality is measured, with all that was made of each."""
    probe_folds: Annotated[int, Field(ge=2, le=100)]
    network: NetworkParams | None = None
    """The user's own, zero-shot as SFace, on top of the table."""
    contrasts: dict[Name, ContrastParams]
    """Which claims get a verdict, all of them together corrected for their number."""
    rows: Annotated[dict[Name, DmfrRowParams], Field(min_length=1)]

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        check_contrasts(self.contrasts, dict.fromkeys(self.rows, self.tested))
        methods = [row.method for row in self.rows.values()]
        if len({(each.dataset, each.pretrained, each.crop) for each in methods}) > 1:
            raise ValueError("rows: expected one dataset, pretrained and crop for all")
        return self
