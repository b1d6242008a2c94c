"""Params of the sample's procedural people."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.params.base import Fraction, Name, Section, Seed
from pipeline.types import Band


class ProceduralParams(Section):
    """Rendered people whose truth is known exactly."""

    dataset: Name = "sample"
    """The data set that this source belongs to."""
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]
    subjects: Annotated[int, Field(ge=1, le=9999)]
    validation_subjects: Annotated[int, Field(ge=0, le=9999)]
    test_subjects: Annotated[int, Field(ge=0, le=9999)]
    pictures: Annotated[int, Field(ge=1, le=100)]
    side_px: Annotated[int, Field(ge=160, le=1024)]
    max_yaw_deg: Annotated[float, Field(ge=0.0, le=90.0)]
    glasses_share: Fraction
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    seed: Seed

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len(set(self.bands)) != len(self.bands):
            raise ValueError("a band is named twice")
        held_out = self.validation_subjects + self.test_subjects
        if held_out > self.subjects:
            raise ValueError(
                f"validation_subjects and test_subjects ask for {held_out} people, "
                f"but subjects are {self.subjects}"
            )
        return self
