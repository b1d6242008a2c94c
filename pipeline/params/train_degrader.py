"""Params of the stage ``train_degrader``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Bands, Fraction, Several
from pipeline.params.training import RunParams


class TrainDegraderParams(RunParams):
    """CycleGAN between sharp and low-quality faces; ``steps`` of 0 train none."""

    low_quality: Literal["photometric", "measured", "cameras"]
    cameras: Several[str]
    extremes_share: Annotated[float, Field(gt=0.0, le=0.5)]
    """Of ``measured``: the least sharp faces, and as many of the sharpest."""
    bands: Bands
    images_per_subject: Annotated[int, Field(ge=1, le=100000)]
    frame_px: Annotated[int, Field(ge=64, le=512, multiple_of=4)]
    crop_px: Annotated[int, Field(ge=32, le=512, multiple_of=4)]
    blocks: Literal[6, 9]
    generator_channels: Annotated[int, Field(ge=4, le=128)]
    discriminator_channels: Annotated[int, Field(ge=4, le=128)]
    cycle_weight: Annotated[float, Field(ge=0.0, le=1000.0)]
    identity_weight: Annotated[float, Field(ge=0.0, le=1000.0)]
    pool_images: Annotated[int, Field(ge=0, le=10000)]
    devices: Literal[1]
    decay_from: Fraction
    batch_faces: Annotated[int, Field(ge=1, le=256)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.crop_px > self.frame_px:
            raise ValueError(
                f"crop_px {self.crop_px} is more than frame_px {self.frame_px}: "
                "crops are cut out of the frame"
            )
        if self.low_quality == "cameras" and not self.cameras:
            raise ValueError("low_quality is 'cameras': name at least one camera_id in cameras")
        return self
