"""Decoders that draw what frozen features keep of an image: one for each kind of feature."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from models.dmfr.decoders import ImageDecoder
from models.seeding import seeded
from pipeline.params.training import RunParams
from pipeline.training.engine.method import TOTAL, Batch, Losses, Method

BATCH = 16


class ImageDecoders(Method):
    """Trains a decoder for each kind of feature, of the same images and by the same draws.

    Reference:
        DMFR paper, section "Disentangle-based DMFR": "we additionally train a decoder".
    """

    def __init__(self, params: RunParams, features: Mapping[str, Tensor], images: Tensor) -> None:
        """Build the decoders.

        Args:
            params: of the training.
            features: by kind, (n, d); they stay as they are.
            images: uint8 (n, 3, h, w), RGB.
        """
        super().__init__(params)
        self._features, self._images = dict(features), images
        hw = images.shape[2], images.shape[3]
        with seeded(params.seed):
            self.decoders = nn.ModuleDict(
                {name: ImageDecoder(each.shape[1], hw) for name, each in features.items()}
            )

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw images in [0, 1], then the features of each kind."""
        drawn = torch.from_numpy(rng.integers(0, len(self._images), BATCH))
        images = self._images[drawn].float() / 255.0
        return images, *(each[drawn] for each in self._features.values())

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the mean square error of each kind, and their sum."""
        images, *features = batch
        losses: Losses = {}
        for (name, decoder), each in zip(self.decoders.items(), features, strict=True):
            losses[name] = (decoder(each).float() - images).square().mean()
        return {TOTAL: torch.stack(list(losses.values())).sum()} | losses

    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Build one of all decoders."""
        return [torch.optim.AdamW(self.parameters(), lr=self.params.learning_rate)]

    def learning_rate(self, step: int) -> float:
        """Return the rate, the same at each step."""
        return self.params.learning_rate

    @torch.no_grad()
    def draw(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Draw features of each kind: float32 (n, 3, h, w) in [0, 1]."""
        self.eval()
        return {name: self.decoders[name](each).float() for name, each in features.items()}
