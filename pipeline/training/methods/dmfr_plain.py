"""DMFR's plain rows: real faces only, synthetic ones added directly, and separate classifiers."""

import torch

from pipeline.params.train_dmfr import PlainParams
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.dmfr import DmfrMethod


class Plain(DmfrMethod):
    """One classifier of all samples, whatever made them.

    Reference:
        DMFR paper, rows "w/o synthetic samples", "CosFace" and "ArcFace" of tables 2 to 4.
    """

    params: PlainParams

    def build_heads(self, subjects: int) -> None:
        """Build the classifier."""
        self.head = self.classifier(subjects, self.params.loss)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the loss."""
        images, labels, _ = batch
        features = self.classified(images)
        with in_float32(features):
            return {TOTAL: self.head(features, labels)}


class Separate(DmfrMethod):
    """A classifier of real samples and another one of synthetic ones: the filter without F."""

    def build_heads(self, subjects: int) -> None:
        """Build both classifiers."""
        self.real_head, self.made_head = self.classifier(subjects), self.classifier(subjects)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the loss of each classifier, and of all samples."""
        images, labels, _ = batch
        features = self.classified(images)
        real, made = (self.places(name, shares=self.world_size) for name in self.sampler.roles)
        with in_float32(features):
            first = self.real_head.each(features[real], labels[real], self.params.scale)
            second = self.made_head.each(features[made], labels[made], self.params.scale)
            total = torch.cat([first, second]).mean()
        return {TOTAL: total, "real": first.mean(), "synthetic": second.mean()}


METHODS = {"plain": Plain, "separate": Separate}
