"""Params of the stage ``detect``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Fraction, Section, one_of
from pipeline.types import Band


class DetectParams(Section):
    """Face detection and five landmarks."""

    backend: Annotated[str, one_of("pipeline.detection:DETECTORS", "truth")]
    landmarks: Literal["mesh", "detector"]
    score_threshold: Fraction
    nms_threshold: Fraction
    max_side_px: Annotated[int, Field(ge=64, le=8192)]
    equalise_bands: tuple[Band, ...]

    @model_validator(mode="after")
    def _landmarks_used(self) -> Self:
        if self.backend == "fan" and self.landmarks == "mesh":
            raise ValueError("fan differs from yunet in its landmarks: choose landmarks: detector")
        return self
