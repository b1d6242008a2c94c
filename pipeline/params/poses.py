"""Params of the stage ``poses``."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.params.base import NEUTRAL, Bands, Fraction, Section, Seed, SomeOf
from pipeline.types import Split

Turn = Annotated[float, Field(ge=-90.0, le=90.0)]


class PosesParams(Section):
    """Which faces are turned, and by how much: every yaw with every pitch."""

    yaw_deg: Annotated[tuple[Turn, ...], Field(min_length=1)]
    pitch_deg: Annotated[tuple[Turn, ...], Field(min_length=1)]
    max_source_yaw_deg: Annotated[float, Field(ge=0.0, le=90.0)]
    max_yaw_deg: Annotated[float, Field(ge=0.0, le=90.0)]
    max_outside_fraction: Fraction
    """Share of the aligned crop beyond its image: what is not there can't be turned."""
    bands: Annotated[Bands, NEUTRAL]
    splits: Annotated[SomeOf[Split], NEUTRAL]
    images_per_subject: Annotated[int, Field(ge=1, le=100000), NEUTRAL]
    """These three choose faces; what is made of a face is the same whoever else is chosen."""
    measured_share: Fraction
    context_jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    seed: Seed

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in ("yaw_deg", "pitch_deg"):
            rounded = [round(angle, 2) for angle in getattr(self, name)]
            if len(set(rounded)) != len(rounded):
                raise ValueError(f"{name}: an angle is named twice (to 0.01 degrees)")
        return self
