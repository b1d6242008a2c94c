"""Params of the stage ``attributes``."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import NEUTRAL, Device, Precision, Section


class AttributesParams(Section):
    """Pose, sharpness, light and quality of each face."""

    precision: Precision
    device: Device
    batch_rows: Annotated[int, Field(ge=1, le=256), NEUTRAL]
