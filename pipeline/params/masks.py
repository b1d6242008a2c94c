"""Params of the stage ``masks``."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.params.base import NEUTRAL, Fraction, Name, Section, Seed, Several, SomeOf
from pipeline.types import Band

RelativeWeight = Annotated[float, Field(ge=0.0, le=1e6)]


class FitParams(Section):
    """How often a mask is worn how; weights, of any sum above 0."""

    proper: RelativeWeight
    below_nose: RelativeWeight
    chin: RelativeWeight

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.proper + self.below_nose + self.chin <= 0:
            raise ValueError("one of proper, below_nose and chin has to be above 0")
        return self


class MasksParams(Section):
    """Synthesised masks."""

    designs: SomeOf[Name]
    own: Annotated[dict[Name, Annotated[str, Field(min_length=1)]], NEUTRAL]
    """Designs of one's own: name → RGBA PNG; what is in the files counts, not where they lie."""
    bands: Several[Band]
    per_face: Annotated[int, Field(ge=1, le=100)]
    fit: FitParams
    jitter: Annotated[float, Field(ge=0.0, le=3.0)]
    loops_share: Fraction
    seed: Seed

    @model_validator(mode="after")
    def _files_there(self) -> Self:
        for name, file in self.own.items():
            if not Path(file).is_file():
                raise ValueError(f"own.{name}: there is no file {file}")
        return self
