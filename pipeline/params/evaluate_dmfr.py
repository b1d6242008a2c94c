"""Params of the stage ``evaluate_dmfr``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Name, Section
from pipeline.params.evaluate_nir_vis import NetworkParams


class EvaluateDmfrParams(Section):
    """One method on one protocol."""

    method: Name
    dataset: Name
    protocol: Annotated[str, Field(min_length=1)]
    probes: Literal["real", "cyclegan", "photometric"]
    """The probes themselves, or what a generator of ``degrade`` made of them."""
    network: NetworkParams | None = None
    """One more row of the table, zero-shot as SFace's."""
