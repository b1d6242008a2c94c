"""Params of the ablations: ``ablations/params.yaml``, a file of its own."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Name, Section, Seeds
from pipeline.params.contrasts import ContrastParams, check_contrasts
from pipeline.params.evaluation import NetworkParams
from pipeline.params.train_nir_vis import AnyNirVisParams

Probes = Literal["plain", "masked"]


class NirVisRowParams(Section):
    """One row of a paper's table."""

    paper: Literal["pram", "hsst"]
    title: Annotated[str, Field(min_length=1)]
    probes: Annotated[dict[Probes, str | None], Field(min_length=1)]
    """What is tested, with the name of the published row that stands beside it."""
    method: AnyNirVisParams
    """Its seed is replaced by each of the ablation's."""


class NirVisAblationParams(Section):
    """Rows, each trained with every seed on every fold."""

    seeds: Annotated[Seeds, Field(min_length=1)]
    dataset: Name
    """Of all rows, as they stand in one table."""
    tested: Annotated[str, Field(min_length=1)]
    """Protocol that is measured: that of the validation subjects to choose params on."""
    network: NetworkParams | None = None
    """The user's own, zero-shot as SFace, on top of the table."""
    contrasts: dict[Name, ContrastParams]
    """Which claims get a verdict, all of them together corrected for their number."""
    rows: Annotated[dict[Name, NirVisRowParams], Field(min_length=1)]

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if self.contrasts and len(self.seeds) < 2:
            raise ValueError(
                f"contrasts: expected two seeds or more, found {list(self.seeds)}: one training of "
                "a row does not show how far results scatter; name more, or leave contrasts out"
            )
        first = next(iter(self.rows.values())).method
        for name, row in self.rows.items():
            if row.method.dataset != self.dataset:
                raise ValueError(
                    f"rows.{name}.method.dataset: expected {self.dataset!r}, the `dataset` of "
                    f"all rows, found {row.method.dataset!r}"
                )
            if row.method.folds != first.folds:
                raise ValueError(
                    f"rows.{name}.method.folds: expected those of the first row, {first.folds}, "
                    f"found {row.method.folds}: rows are compared on the same folds"
                )
        return self

    @model_validator(mode="after")
    def _tested(self) -> Self:
        check_contrasts(self.contrasts, {name: row.probes for name, row in self.rows.items()})
        return self
