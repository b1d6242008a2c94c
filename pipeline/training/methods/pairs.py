"""What methods share whose batches are pairs of images of one subject."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from models.backbones.bn_neck import BNNeck, with_bn_neck
from models.losses.margins import CosineClassifier
from models.seeding import seeded
from pipeline.params.train_nir_vis import PairParams
from pipeline.training.data.labels import label
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.data.samplers import CrossBandPairs
from pipeline.training.engine.method import Batch
from pipeline.training.methods.nir_vis import NirVisMethod
from pipeline.training.methods.recogniser import pixels
from pipeline.types import Int64


class PairSampler(Protocol):
    """Draws pairs of images, each of another subject."""

    batch_pairs: int
    subjects: Int64

    def draw(self, rng: np.random.Generator) -> tuple[Int64, Int64]:
        """Return the indices of first and second images."""


class PairMethod(NirVisMethod):
    """Draws pairs, cut at random as the backbone takes them.

    All methods on a whole face draw alike, so that their results differ by how they train alone.

    Args:
        params: of the training.
        backbone: what embeds; a LightCNN's features are normalised while it trains.
        preprocess: what the backbone takes.
    """

    params: PairParams

    def __init__(self, params: PairParams, backbone: nn.Module, preprocess: Preprocess) -> None:
        super().__init__(params, backbone, preprocess)
        self.embedder = with_bn_neck(backbone)

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples, and choose how pairs are drawn.

        Raises:
            StageError: they are of too few people.
        """
        self.check_people(self.params, samples)
        self._samples, self.labels = samples, label(samples, self.params.bands)
        self.sampler = self.make_sampler()

    def make_sampler(self) -> PairSampler:
        """Return what draws pairs: by default one image in each band."""
        return CrossBandPairs(self.labels.index, *self.params.bands, self.params.batch_pairs)

    def on_train_end(self, losses: Mapping[str, float]) -> None:
        """Put the features' normalisation into the backbone."""
        if isinstance(self.embedder, BNNeck):
            self.embedder.fold()

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw first and second images (n, c, h, w) and their labels (n,)."""
        drawn = np.stack(self.sampler.draw(rng))
        low, high = self.preprocess.corner_bounds(self._samples.hw)
        corners = rng.integers(low[:, None], high[:, None], (2, 2, drawn.shape[1]))
        pairs, corners = self.shard(drawn), self.shard(corners)
        images = map(self._images, pairs, corners)
        return *images, torch.from_numpy(self.labels.labels[pairs[0]])

    def both(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of both images of pairs, float32 (n, d) each, of one pass."""
        features = self.embedder(torch.cat([first, second])).float()
        return features[: len(first)], features[len(first) :]

    def _images(self, chosen: Int64, corners: Int64) -> Tensor:
        found = pixels(self._samples, chosen)
        return self.preprocess.values(self.preprocess.cut(found, torch.from_numpy(corners.T)))


def cosine_classifier(params: PairParams, loss: str, classes: int, width: int) -> CosineClassifier:
    """Build a classifier of the training subjects, its weights seeded by the params."""
    with seeded(params.seed):
        return CosineClassifier(classes, width, loss=loss, scale=params.scale, margin=params.margin)
