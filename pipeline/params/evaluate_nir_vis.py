"""Params of the stage ``evaluate_nir_vis``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Name, Section


class EvaluateParams(Section):
    """One method on one protocol."""

    method: Name
    dataset: Name
    protocol: Annotated[str, Field(min_length=1)]
    probes: Literal["plain", "masked"]
    cross_dataset: bool = False
    """Whether the method may have been trained on another data set than it is tested on."""
