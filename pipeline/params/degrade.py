"""Params of the stage ``degrade``."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.params.base import NEUTRAL, Bands, Device, Section, Seed, SomeOf
from pipeline.types import Split

Pixels = Annotated[float, Field(ge=0.0, le=32.0)]


Level = Annotated[float, Field(ge=0.0, le=0.5)]


class PhotometricParams(Section):
    """What an atmosphere, a lens, a sensor and a codec do; each drawn evenly from its range.

    Pixels are those of the frame in which faces are degraded (``frame_px``).
    """

    turbulence_px: tuple[Pixels, Pixels]
    turbulence_scale_px: Annotated[float, Field(ge=2.0, le=64.0)]
    defocus_px: tuple[Pixels, Pixels]
    motion_px: tuple[Pixels, Pixels]
    downscale: tuple[
        Annotated[float, Field(ge=1.0, le=16.0)], Annotated[float, Field(ge=1.0, le=16.0)]
    ]
    shot_noise: tuple[Level, Level]
    read_noise: tuple[Level, Level]
    jpeg_quality: tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for name, value in self:
            if isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{name}: the first may not be above the second, got {value}")
        return self


class FacesPerGenerator(Section):
    """How many outputs each generator makes of a face; 0 leaves a generator out."""

    cyclegan: Annotated[int, Field(ge=0, le=1)]
    photometric: Annotated[int, Field(ge=0, le=64)]

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.cyclegan and not self.photometric:
            raise ValueError("both are 0: set at least one above 0, or nothing is made")
        return self


class DegradeParams(Section):
    """Which faces are degraded, by which generators."""

    per_face: FacesPerGenerator
    device: Device
    """Of ``cyclegan``."""
    bands: Annotated[Bands, NEUTRAL]
    splits: Annotated[SomeOf[Split], NEUTRAL]
    images_per_subject: Annotated[int, Field(ge=1, le=100000), NEUTRAL]
    """These three choose faces; what is made of a face is the same whoever else is chosen."""
    photometric: PhotometricParams
    context_jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    seed: Seed
