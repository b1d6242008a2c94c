"""Params of the stage ``train_bodies``, by method."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import Name
from pipeline.params.body_training import AdaFaceParams, BodyParams, DeenParams, LoraParams


class TrainBodyParams(BodyParams):
    """Bodies in several bands, from a pretrained network."""

    pretrained: Name
    """Which entry of ``pretrain_bodies`` gives the network."""
    lora: LoraParams | None = None
    """None trains all weights."""


class TrainDeenParams(DeenParams):
    """Bodies, visible and infra-red, by expanded embeddings."""

    pretrained: Name


class TrainAdaFaceParams(AdaFaceParams):
    """Faces of the same people: the baseline."""

    pretrained: Name


AnyTrainPeopleParams = Annotated[
    TrainBodyParams | TrainDeenParams | TrainAdaFaceParams, Field(discriminator="kind")
]
