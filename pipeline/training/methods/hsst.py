"""Heterogeneous semi-siamese training: a learner around ``models.hsst.SemiSiamese``."""

import numpy as np
import torch
from torch import Tensor, nn

from models.hsst import SemiSiamese
from pipeline.errors import StageError
from pipeline.params import HsstParams
from pipeline.training.backbones import Inputs
from pipeline.training.identities import TrainingFaces
from pipeline.training.learner import TOTAL, Batch, Learner
from pipeline.training.samplers import CrossBandPairs, Int64


class HsstLearner(Learner):
    """Trains a probe-net on pairs of one subject in two bands.

    Reference:
        HSST paper, section II-A and III-B.
    """

    def __init__(
        self, params: HsstParams, network: nn.Module, inputs: Inputs, faces: TrainingFaces
    ) -> None:
        """Set up.

        Raises:
            StageError: there are fewer subjects than places in a queue and pairs in a batch.
        """
        super().__init__()
        self._sampler = CrossBandPairs(faces.index, *params.bands, params.batch_pairs)
        needed = params.prototypes + params.batch_pairs
        if (found := len(self._sampler.subjects)) < needed:
            raise StageError(
                f"{found} training subjects have pictures in both bands: expected at least "
                f"{needed}, {params.prototypes} in a queue and {params.batch_pairs} in a batch, so "
                "that a queue can hold strangers only; lower prototypes or batch_pairs"
            )
        self.pair = SemiSiamese(
            network,
            int(network.dimensions),  # type: ignore[arg-type]
            prototypes=params.prototypes,
            momentum=params.ema_momentum,
            loss=params.loss,
            scale=params.scale,
            margin=params.margin,
        )
        self._inputs = inputs
        self._images = torch.from_numpy(faces.faces.images)
        self._labels = torch.from_numpy(faces.labels)

    def draw(self, generator: np.random.Generator) -> Batch:
        """Draw pairs: first and second band's pictures, labels, and which band is the probe."""
        drawn = np.stack(self._sampler.draw(generator))
        room = self._inputs.room(self._images.shape[1])
        corners = generator.integers(0, room + 1, (2, 2, drawn.shape[1]))
        swap = self.mine(generator.integers(0, 2, (drawn.shape[1],)))
        pictures = map(self._pictures, self.mine(drawn), self.mine(corners))
        labels = self._labels[torch.from_numpy(self.mine(drawn)[0])]
        return *pictures, labels, torch.from_numpy(swap.copy()) == 1

    def forward(self, *batch: Tensor) -> dict[str, Tensor]:
        """Return the loss."""
        first, second, subjects, swap = batch
        return {TOTAL: self.pair(first, second, subjects, swap)}

    def after_step(self) -> None:
        """Let the gallery-net follow."""
        self.pair.follow()

    def _pictures(self, chosen: Int64, corners: Int64) -> Tensor:
        pictures = self._images[torch.from_numpy(chosen)].permute(0, 3, 1, 2)
        return self._inputs.values(self._inputs.cut(pictures, torch.from_numpy(corners.T)))
