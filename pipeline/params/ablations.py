"""Params of the ablations: ``ablations/params.yaml``, a file of its own."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Name, Section, Seed
from pipeline.params.contrasts import ContrastParams, check_contrasts
from pipeline.params.evaluate_nir_vis import NetworkParams
from pipeline.params.train_nir_vis import AnyMethodParams

Probes = Literal["plain", "masked"]


class RowParams(Section):
    """One row of a paper's table."""

    paper: Literal["pram", "hsst"]
    title: Annotated[str, Field(min_length=1)]
    probes: Annotated[dict[Probes, str | None], Field(min_length=1)]
    """What is tested, with the name of the published row that stands beside it."""
    method: AnyMethodParams
    """Its seed is replaced by each of the ablation's."""


class AblationParams(Section):
    """Rows, each trained with every seed."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=2)]
    tested: Annotated[str, Field(min_length=1)]
    """Protocol that is measured: that of the validation subjects to choose params on."""
    network: NetworkParams | None = None
    """The user's own, zero-shot as SFace, on top of the table."""
    contrasts: dict[Name, ContrastParams]
    """Which claims get a verdict, all of them together corrected for their number."""
    rows: Annotated[dict[Name, RowParams], Field(min_length=1)]

    @model_validator(mode="after")
    def _tested(self) -> Self:
        check_contrasts(self.contrasts, {name: row.probes for name, row in self.rows.items()})
        return self
