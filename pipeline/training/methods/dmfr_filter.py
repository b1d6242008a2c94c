"""DMFR by a filter: it learns from pairs with Δc = 0 what synthetic features have too much."""

import numpy as np
import torch
from torch import nn

from models.backbones.bn_neck import with_bn_neck
from models.dmfr.filter import FilteredNetwork, filter_loss
from models.seeding import seeded
from pipeline.params.train_dmfr import FilterParams
from pipeline.training.data.domain_samplers import PairedSampler
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.dmfr import DmfrMethod
from pipeline.types import Int64


class Filter(DmfrMethod):
    """Synthetic features pass F and a classifier of their own; real ones another classifier.

    Reference:
        DMFR paper, section "Filter-based DMFR".
    """

    params: FilterParams
    network: FilteredNetwork

    def __init__(self, params: FilterParams, backbone: nn.Module, preprocess: Preprocess) -> None:
        super().__init__(params, backbone, preprocess)
        with seeded(params.seed):
            self.network = FilteredNetwork(backbone)
        self.embedder = with_bn_neck(backbone)

    def make_sampler(self) -> PairedSampler:
        """Return what draws pairs first."""
        return PairedSampler(self.domains, *self.params.counts, self.params.paired_images)

    def build_heads(self, subjects: int) -> None:
        """Build both classifiers."""
        self.real_head, self.made_head = self.classifier(subjects), self.classifier(subjects)

    def corners(self, rng: np.random.Generator, roles: list[Int64]) -> list[Int64]:
        """Draw where images are cut; both of a pair are cut alike."""
        drawn = super().corners(rng, roles)
        drawn[self.role("paired_synthetic")] = drawn[self.role("paired_real")]
        return drawn

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses ``classify``, ``filter`` and their weighted sum."""
        images, labels, _ = batch
        features = self.classified(images)
        real, made, paired_real, paired_made = (
            self.places(*names, shares=self.world_size)
            for names in (
                ("paired_real", "real"),
                ("paired_synthetic", "synthetic"),
                ("paired_real",),
                ("paired_synthetic",),
            )
        )
        with in_float32(features):
            filtered = self.network.filter(features)
            first = self.real_head.each(features[real], labels[real], self.params.scale)
            second = self.made_head.each(filtered[made], labels[made], self.params.scale)
            classify = torch.cat([first, second]).mean()
            apart = filter_loss(
                filtered[paired_made], features[paired_real], detach=self.params.detach_target
            )
            total = classify + self.params.filter_weight * apart
        return {TOTAL: total, "classify": classify, "filter": apart}


METHODS = {"filter": Filter}
