"""Params of the stage ``parts``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Section


class WindowParams(Section):
    """Side of the square crop window around each part, in pixels of the aligned crop."""

    eye: Annotated[int, Field(ge=8, le=512)]
    nose: Annotated[int, Field(ge=8, le=512)]
    mouth: Annotated[int, Field(ge=8, le=512)]


class PartsParams(Section):
    """Crops and masks of eyes, nose and mouth."""

    backend: Literal["parser", "mesh"]
    fallback: Literal["mesh", "none"]
    min_pixels: Annotated[int, Field(ge=1, le=10000)]
    max_mesh_distance: Annotated[float, Field(gt=0.0, le=100.0)]
    window_px: WindowParams
    crop_px: Annotated[int, Field(ge=16, le=512)]
