"""Params of the stage ``pretrain_nir_vis``."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import CheckpointParams, Name
from pipeline.params.training import Crop, TrainingParams, Weight
from pipeline.types import Band

BackboneName = Literal[
    "lightcnn9",
    "lightcnn29v2",
    "mobilefacenet",
    "iresnet18",
    "iresnet50",
    "iresnet100",
    "adaface50",
    "adaface100",
    "attention56",
]


class PretrainNirVisParams(TrainingParams):
    """Pretraining of a backbone on visible faces, or a user's checkpoint."""

    dataset: Name
    backbone: BackboneName
    checkpoint: CheckpointParams | None = None
    """Weights to load before the training."""
    crop: Crop
    band: Band
    batch_images: Annotated[int, Field(ge=2, le=4096)]
    loss: Literal["softmax", "am_softmax", "arcface"]
    scale: Annotated[float, Field(gt=0.0, le=256.0)]
    margin: Annotated[float, Field(ge=0.0, le=3.0)]
    classify_weight: Weight
    distil_weight: Weight
    """Of the cosine distance to SFace's embedding."""

    @property
    def shares(self) -> Mapping[str, int]:
        """See ``RunParams``."""
        return {"batch_images": self.batch_images}

    @model_validator(mode="after")
    def _learns(self) -> Self:
        if not (self.classify_weight or self.distil_weight):
            raise ValueError(
                "classify_weight and distil_weight are both 0: nothing is learned; set one above 0"
            )
        return self
