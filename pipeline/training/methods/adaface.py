"""The face baseline of the body paper: AdaFace on the faces of the same people.

Reference:
    M. Kim, A. Jain, X. Liu, AdaFace: quality adaptive margin for face recognition, CVPR 2022; the
    body paper, section III-C.
"""

from typing import Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from models.adaface.losses import AdaFaceClassifier
from models.seeding import seeded
from pipeline.params.body_training import AdaFaceParams, PeopleParams
from pipeline.params.pretrain_bodies import PretrainAdaFaceParams
from pipeline.training.backbones import backbone_named, make_backbone
from pipeline.training.data.images import HW
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.engine.trained import Trained
from pipeline.training.methods.people import PeopleMethod
from pipeline.types import Int64, UInt8


class AdaFace(PeopleMethod):
    """A backbone of faces with a quality-adaptive margin.

    Args:
        params: of the training.
        network: what embeds.
        preprocess: what it takes.
    """

    images = ("face",)
    params: AdaFaceParams

    def __init__(self, params: AdaFaceParams, network: nn.Module, preprocess: Preprocess) -> None:
        super().__init__(params)
        self.network, self.preprocess = network, preprocess
        self.dimensions = int(network.dimensions)  # type: ignore[arg-type]

    @classmethod
    def seeded(cls, params: PeopleParams, hw: HW) -> Self:
        """Build the method of a pretraining: see ``PeopleMethod``."""
        chosen = cast(PretrainAdaFaceParams, params)
        return cls._on(chosen.backbone, chosen, hw)

    @classmethod
    def seeded_like(cls, params: PeopleParams, pretrained: Trained) -> Self:
        """Build the method on an architecture: see ``PeopleMethod``."""
        hw = pretrained.crop_hw[0], pretrained.crop_hw[1]
        return cls._on(pretrained.backbone, cast(AdaFaceParams, params), hw)

    @classmethod
    def _on(cls, backbone: str, params: AdaFaceParams, hw: HW) -> Self:
        network = make_backbone(backbone, hw, params.seed)
        return cls(params, network, backbone_named(backbone).preprocess)

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples and build the classifier."""
        super().train_on(samples)
        with seeded(self.params.seed):
            self.classifier = AdaFaceClassifier(
                len(self.names),
                self.dimensions,
                scale=self.params.scale,
                margin=self.params.margin,
                concentration=self.params.concentration,
            )

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw images and their labels."""
        chosen, changes = self.drawn(rng)
        faces = self.samples.read(chosen)
        changed, _ = self.augmentation.apply(faces, np.zeros(faces.shape[:3], np.uint8), changes)
        return self._given(changed), self.codes(chosen)[0]

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the loss."""
        faces, labels = batch
        features = self.network(faces).float()
        with in_float32(features):
            return {TOTAL: self.classifier(features, labels)}

    def network_inputs(self, samples: SampleSet, indices: Int64) -> Batch:
        """Return the faces of samples as the network takes them."""
        return (self._given(samples.read(indices)),)

    def embed(self, *given: Tensor) -> Tensor:
        """Embed faces, (n, d)."""
        embeddings: Tensor = self.network(*given)
        return embeddings

    def mirrored(self, *given: Tensor) -> Batch:
        """Return mirror images of faces."""
        return (given[0].flip(-1),)

    def _given(self, faces: UInt8) -> Tensor:
        pixels = torch.from_numpy(faces).permute(0, 3, 1, 2)
        return self.preprocess.values(self.preprocess.cut(pixels))


METHODS = {"adaface": AdaFace}
