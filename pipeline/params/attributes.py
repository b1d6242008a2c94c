"""Params of the stage ``attributes``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import NEUTRAL, Section


class AttributesParams(Section):
    """Pose, sharpness, light and quality of each face."""

    precision: Literal["auto", "float32", "bfloat16"]
    device: Literal["cpu", "cuda", "auto"]
    batch_rows: Annotated[int, Field(ge=1, le=256), NEUTRAL]
