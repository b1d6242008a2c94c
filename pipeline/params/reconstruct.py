"""Params of the stage ``reconstruct``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Section


class ReconstructParams(Section):
    """A face's position map."""

    backend: Literal["mesh", "prnet", "truth"]
    max_residual_percent: Annotated[float, Field(gt=0.0, le=1000.0)]
