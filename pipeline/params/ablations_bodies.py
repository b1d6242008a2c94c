"""Params of the bodies' ablations: ``ablations/bodies/params.yaml``, a file of its own."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Name, Section, Seeds
from pipeline.params.contrasts import ContrastParams, check_contrasts
from pipeline.params.train_bodies import AnyTrainPeopleParams
from pipeline.types import Band

ALL_BANDS = "all"
"""Probes of all bands together: a person's rate is the mean over them."""
BODY_VARIANTS = ("untrained", "pretrained", "without_face", "without_torso", "without_lower_body")
FACE_VARIANTS = ("face_pretrained", "sface")
"""What is measured beside a trained network: where it started, parts of it, SFace as it is."""
_VARIANTS = {"semantic_vit": BODY_VARIANTS, "deen": BODY_VARIANTS[:2], "adaface": FACE_VARIANTS}


class BodyRowParams(Section):
    """One row of the paper's tables."""

    title: Annotated[str, Field(min_length=1)]
    method: AnyTrainPeopleParams
    """Its seed is replaced by each of the ablation's."""


class BodyAblationParams(Section):
    """Rows, each trained with every seed."""

    seeds: Annotated[Seeds, Field(min_length=2)]
    templates: Literal["raw", "unit"]
    """As of ``evaluate_bodies``."""
    contrasts: dict[Name, ContrastParams]
    """Which claims get a verdict, all of them together corrected for their number."""
    rows: Annotated[dict[Name, BodyRowParams], Field(min_length=1)]

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        methods = [row.method for row in self.rows.values()]
        if len({(each.dataset, each.protocols) for each in methods}) > 1:
            raise ValueError("rows: expected one dataset and the same protocols for all")
        bands = [name.partition("-")[2] for name in methods[0].protocols]
        if unknown := sorted(set(bands) - set(Band)):
            raise ValueError(
                f"rows: protocols name {unknown}: expected bands, {list(map(str, Band))}"
            )
        probes = (*bands, ALL_BANDS)
        check_contrasts(self.contrasts, dict.fromkeys(self.measured(), probes))
        return self

    def measured(self) -> dict[str, str]:
        """Return the row of all that is measured: itself, and beside it ``<row>_<variant>``."""
        return {
            name: row
            for row, params in self.rows.items()
            for name in (row, *(f"{row}_{each}" for each in variants_of(params)))
        }


def variants_of(row: BodyRowParams) -> tuple[str, ...]:
    """Return what is measured beside a row's trained network."""
    return _VARIANTS[row.method.kind]
