"""What learners share whose batches are pairs of images of one subject."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from models.backbones.bn_neck import BNNeck, with_bn_neck
from models.losses.margins import CosineClassifier
from pipeline.params.train import PairParams
from pipeline.training.backbones import Inputs
from pipeline.training.identities import TrainingFaces
from pipeline.training.learner import Batch, Learner
from pipeline.training.samplers import Int64


class PairSampler(Protocol):
    """Draws pairs of images, each of another subject."""

    batch_pairs: int

    def draw(self, generator: np.random.Generator) -> tuple[Int64, Int64]:
        """Return the indices of first and second images."""


class PairLearner(Learner):
    """Draws pairs, cut at random as the backbone takes them.

    All methods on a whole face draw alike, so that their results differ by how they train alone.

    Args:
        backbone: what embeds; a LightCNN's features are normalised while it trains.
        inputs: what the backbone takes.
        faces: to train on.
        sampler: which pairs make a batch.
    """

    def __init__(
        self, backbone: nn.Module, inputs: Inputs, faces: TrainingFaces, sampler: PairSampler
    ) -> None:
        super().__init__()
        self.embedder = with_bn_neck(backbone)
        self._inputs, self._sampler = inputs, sampler
        self._images = torch.from_numpy(faces.faces.images)
        self._labels = torch.from_numpy(faces.labels)

    def finish(self) -> None:
        """Put the features' normalisation into the backbone."""
        if isinstance(self.embedder, BNNeck):
            self.embedder.fold()

    def draw(self, generator: np.random.Generator) -> Batch:
        """Draw first and second images (n, c, h, w) and their labels (n,)."""
        drawn = np.stack(self._sampler.draw(generator))
        room = self._inputs.room(self._images.shape[1])
        corners = self.mine(generator.integers(0, room + 1, (2, 2, drawn.shape[1])))
        pairs = self.mine(drawn)
        images = map(self._cut_images, pairs, corners)
        return *images, self._labels[torch.from_numpy(pairs[0])]

    def _cut_images(self, chosen: Int64, corners: Int64) -> Tensor:
        images = self._images[torch.from_numpy(chosen)].permute(0, 3, 1, 2)
        return self._inputs.values(self._inputs.cut(images, torch.from_numpy(corners.T)))


def cosine_classifier(params: PairParams, loss: str, classes: int, width: int) -> CosineClassifier:
    """Build a classifier of the training subjects, its weights seeded by the params."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        return CosineClassifier(classes, width, loss=loss, scale=params.scale, margin=params.margin)
