"""Params of the stage ``detect``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Device, Fraction, Section, Several, one_of
from pipeline.types import Band


class ThermalViewParams(Section):
    """One way to show an image of heat to a detector that was trained on visible light."""

    tone: Annotated[str, one_of("pipeline.ops.contrast:CONTRASTS")]
    inverted: bool
    side_px: Annotated[int, Field(ge=64, le=8192)]
    border_share: Fraction
    """Black border on each side, share of the image's longer side."""


class DetectParams(Section):
    """Face detection and five landmarks."""

    backend: Annotated[str, one_of("pipeline.detection:DETECTORS", "truth")]
    device: Device
    """Of ``retinaface`` and ``fan``; YuNet and the mesh's network stay on the CPU."""
    landmarks: Literal["mesh", "detector"]
    score_threshold: Fraction
    nms_threshold: Fraction
    max_side_px: Annotated[int, Field(ge=64, le=8192)]
    equalise_bands: Several[Band]
    band_score_thresholds: dict[Band, Fraction]
    """In place of ``score_threshold``."""
    try_turned: bool
    """Whether an image is turned by quarters where mesh and detector disagree on a face, or where
    none is found; not in heat, whose views are voted."""
    thermal_views: tuple[ThermalViewParams, ...]
    """Of MWIR and LWIR; none: one pass as in other bands."""

    @model_validator(mode="after")
    def _landmarks_used(self) -> Self:
        if self.backend == "fan" and self.landmarks == "mesh":
            raise ValueError("backend fan is yunet with other landmarks: set landmarks: detector")
        return self
