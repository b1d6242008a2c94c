"""Params of the stage ``crop_bodies``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Fraction, Interpolation, Section


class CropBodiesParams(Section):
    """Crops of bodies and their body regions."""

    height_px: Annotated[int, Field(ge=16, le=2048)]
    width_px: Annotated[int, Field(ge=16, le=2048)]
    policy: Literal["stretch", "pad", "context"]
    margin_fraction: Fraction
    min_height_px: Annotated[float, Field(ge=0.0, le=4096.0)]
    interpolation: Interpolation
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    unlabelled: Literal["keep", "drop"]
    body_regions: Literal["keypoints", "proportions"]
    min_keypoint_score: Fraction
    face_px: Annotated[int, Field(ge=32, le=1024)]
    """Side of the square cut about the annotated face."""
    min_face_px: Annotated[float, Field(ge=0.0, le=4096.0)]
