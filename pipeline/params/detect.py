"""Params of the stage ``detect``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Fraction, Section
from pipeline.types import Band


class DetectParams(Section):
    """Face detection and five points."""

    backend: Literal["yunet", "retinaface", "fan", "truth"]
    points: Literal["mesh", "detector"]
    score_threshold: Fraction
    nms_threshold: Fraction
    max_side_px: Annotated[int, Field(ge=64, le=8192)]
    equalise_bands: tuple[Band, ...]

    @model_validator(mode="after")
    def _points_used(self) -> Self:
        if self.backend == "fan" and self.points == "mesh":
            raise ValueError("fan differs from yunet in its points: choose points: detector")
        return self
