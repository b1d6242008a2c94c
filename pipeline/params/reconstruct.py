"""Params of the stage ``reconstruct``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Section, one_of


class ReconstructParams(Section):
    """A face's position map."""

    backend: Annotated[str, one_of("pipeline.face3d.backends:BACKENDS")]
    device: Literal["cpu", "cuda", "auto"]
    """Of ``prnet``."""
    max_residual_percent: Annotated[float, Field(gt=0.0, le=1000.0)]
