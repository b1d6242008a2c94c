"""Params of the stage ``pretrain_bodies``: what the trainings on people start from."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import CheckpointParams, Section, Several
from pipeline.params.body_training import AdaFaceParams, BodyParams, DeenParams


class BodyNetworkParams(Section):
    """What a body network is built as."""

    vit: Literal["tiny", "small", "base"]
    patch_px: Annotated[int, Field(ge=4, le=64)]
    local: Literal["areas", "free", "pooled"]
    """What a local token sees: its region, all, or its region's mean after the last block."""
    fusion: Literal["concatenate", "ffn"]
    stem: Literal["patches", "convolutions"]
    drop_path: Annotated[float, Field(ge=0.0, lt=1.0)]
    cameras: Several[str]
    """Ids of cameras that have an embedding of their own; empty: none has."""


class PretrainBodyParams(BodyParams):
    """A body network trained on some people, or a user's checkpoint."""

    network: BodyNetworkParams
    checkpoint: CheckpointParams | None = None
    """Weights to load before the training."""


class DeenNetworkParams(Section):
    """What a network of DEEN is built as."""

    depth: Literal[18, 50]
    """Of the ResNet."""
    stages: Literal[3, 4]
    branches: Annotated[int, Field(ge=1, le=8)]
    """Embeddings that are generated beside an image's own."""


class PretrainDeenParams(DeenParams):
    """A network of DEEN trained on some people, or a user's checkpoint."""

    network: DeenNetworkParams
    checkpoint: CheckpointParams | None = None


class PretrainAdaFaceParams(AdaFaceParams):
    """A face network trained on some people, or a user's checkpoint."""

    backbone: Literal["mobilefacenet", "iresnet50", "iresnet100", "adaface50", "adaface100"]
    checkpoint: CheckpointParams | None = None


AnyPretrainPeopleParams = Annotated[
    PretrainBodyParams | PretrainDeenParams | PretrainAdaFaceParams, Field(discriminator="kind")
]
