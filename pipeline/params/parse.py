"""Params of the stage ``parse``."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import NEUTRAL, Device, Fraction, Precision, Section, Several
from pipeline.types import Band


class ParseParams(Section):
    """Face parsing."""

    precision: Precision
    device: Device
    mesh_bands: Several[Band]
    min_interocular_px: Annotated[float, Field(ge=0.0, le=1000.0)]
    min_face_likeness: Fraction
    eye_bias: Annotated[float, Field(ge=-10.0, le=10.0)]
    batch_rows: Annotated[int, Field(ge=1, le=256), NEUTRAL]
