"""ADFL: classification by features that do not tell their band."""

import torch

from models.adfl.losses import BandDiscriminator, pair_difference, variance_discrepancy
from models.processes import with_all
from models.seeding import seeded
from pipeline.params.train_nir_vis import AdflParams
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.pairs import PairMethod, cosine_classifier


class Adfl(PairMethod):
    """Trains against a discriminator of bands, and brings variances and pairs together.

    Reference:
        See ``models.adfl.losses``.
    """

    params: AdflParams

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples, and build classifier and discriminator."""
        super().train_on(samples)
        width, classes = int(self.network.dimensions), len(self.labels.names)  # type: ignore[arg-type]
        self.classifier = cosine_classifier(self.params, self.params.loss, classes, width)
        with seeded(self.params.seed):
            self.discriminator = BandDiscriminator(width, self.params.adversarial_weight)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses by name and their sum; the discriminator's has its weight within."""
        first, second, subjects = batch
        both = self.both(first, second)
        params = self.params
        with in_float32(both[0]):
            classify = self.classifier(torch.cat(both), subjects.repeat(2))
            adversarial = self.discriminator(*both)
            variance = variance_discrepancy(*map(with_all, both))
            pairs = pair_difference(*both)
            total = classify + adversarial
            total = total + params.variance_weight * variance + params.pairs_weight * pairs
        losses = {"adversarial": adversarial, "variance": variance, "pairs": pairs}
        return {TOTAL: total, "classify": classify} | losses


METHODS = {"adfl": Adfl}
