"""Params of the stage ``reconstruct``."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import Device, Section, one_of


class ReconstructParams(Section):
    """A face's position map."""

    backend: Annotated[str, one_of("pipeline.face3d.backends:BACKENDS")]
    device: Device
    """Of ``prnet``."""
    max_residual_percent: Annotated[float, Field(gt=0.0, le=1000.0)]
