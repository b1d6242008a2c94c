"""Heterogeneous semi-siamese training: a learner around ``models.hsst.network.SemiSiamese``."""

import numpy as np
import torch
from torch import Tensor, nn

from models.hsst.network import SemiSiamese
from pipeline.errors import StageError
from pipeline.params.train import HsstParams
from pipeline.training.backbones import Inputs
from pipeline.training.identities import TrainingFaces
from pipeline.training.learner import TOTAL, Batch
from pipeline.training.methods.pairs import PairLearner
from pipeline.training.samplers import CrossBandPairs, SubjectPairs


class HsstLearner(PairLearner):
    """Trains a probe-net on pairs of one subject: in two bands, or with one queue in any.

    Reference:
        HSST paper, section II-A and III-B; with one queue, semi-siamese training as it was before.
    """

    def __init__(
        self, params: HsstParams, network: nn.Module, inputs: Inputs, faces: TrainingFaces
    ) -> None:
        """Set up.

        Raises:
            StageError: there are fewer subjects than places in a queue and pairs in a batch.
        """
        draws = CrossBandPairs if params.queues == 2 else SubjectPairs
        sampler = draws(faces.index, *params.bands, params.batch_pairs)
        super().__init__(network, inputs, faces, sampler)
        needed = params.prototypes + params.batch_pairs
        if (found := len(sampler.subjects)) < needed:
            raise StageError(
                f"{found} training subjects have images in both bands: expected at least "
                f"{needed}, {params.prototypes} in a queue and {params.batch_pairs} in a batch, so "
                "that a queue can hold strangers only; lower prototypes or batch_pairs"
            )
        self.pair = SemiSiamese(
            self.embedder,
            int(network.dimensions),  # type: ignore[arg-type]
            prototypes=params.prototypes,
            queues=params.queues,
            momentum=params.ema_momentum,
            loss=params.loss,
            scale=params.scale,
            margin=params.margin,
        )

    def draw(self, generator: np.random.Generator) -> Batch:
        """Draw pairs, labels, and bool (n,) where the second image is the probe."""
        drawn = super().draw(generator)
        swap = self.mine(generator.integers(0, 2, (self._sampler.batch_pairs,)))
        return *drawn, torch.from_numpy(swap.copy()) == 1

    def forward(self, *batch: Tensor) -> dict[str, Tensor]:
        """Return the loss."""
        first, second, subjects, swap = batch
        return {TOTAL: self.pair(first, second, subjects, swap)}

    def after_step(self) -> None:
        """Let the gallery-net follow."""
        self.pair.follow()
