"""What DMFR is compared with beside plain training: uncertainty, mixup, gradient reversal."""

import logging
from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from models.backbones.bn_neck import BNNeck
from models.backbones.feature_map import MapsFeatures
from models.dmfr.domains import DomainJudge, mixed
from models.dmfr.uncertainty import (
    Confidence,
    LogVariance,
    confidence_loss,
    divergence,
    sampled,
)
from pipeline.errors import StageError
from pipeline.params.train_dmfr import (
    ConfidenceParams,
    DulParams,
    MixupParams,
    ReversalParams,
)
from pipeline.training.data.domain_samplers import DomainSampler
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.dmfr import DmfrMethod

log = logging.getLogger(__name__)

SIGMA, SIGMA_SPREAD = "sigma", "sigma_spread"
"""Beside DUL's losses: the mean of σ over a batch, and how far it differs between samples."""
LEAST_SPREAD = 0.01
"""Relative deviation of a sample's σ below which the variance says nothing of a sample."""


class OnMap(DmfrMethod):
    """A method that reads the backbone's feature map beside its features."""

    def seen(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features float32 (n, d) and feature map of images."""
        feature_map = self.mapped.feature_map(images)
        features = self.mapped.from_map(feature_map)
        if isinstance(self.embedder, BNNeck):
            features = self.embedder.normalised(features)
        return features.float(), feature_map

    @property
    def mapped(self) -> MapsFeatures:
        """The backbone.

        Raises:
            StageError: it has no feature map.
        """
        network: nn.Module = self.network
        if not isinstance(network, MapsFeatures):
            raise StageError(
                f"{type(network).__name__} has no feature map: expected a `pretrained` whose "
                "backbone is lightcnn9, iresnet18, iresnet50 or iresnet100"
            )
        return network


class Dul(OnMap):
    """Classifies a draw of each feature's distribution, and embeds by its mean.

    Reference:
        J. Chang et al., CVPR 2020, DUL_cls.
    """

    params: DulParams

    def build_heads(self, subjects: int) -> None:
        """Build the classifier and the head of variances."""
        network = self.mapped
        self.head = self.classifier(subjects)
        self.variance = LogVariance(network.map_channels, network.map_hw, network.dimensions)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses, and the mean of σ over a batch with its spread over samples."""
        images, labels, _ = batch
        mean, feature_map = self.seen(images)
        log_variance = self.variance(feature_map).float()
        with in_float32(mean):
            drawn = sampled(mean, log_variance, torch.randn_like(mean))
            classify = self.head(drawn, labels)
            apart = divergence(mean, log_variance)
            total = classify + self.params.divergence_weight * apart
            each = (0.5 * log_variance.detach()).exp().mean(dim=1)
        return {
            TOTAL: total,
            "classify": classify,
            "divergence": apart,
            SIGMA: each.mean(),
            SIGMA_SPREAD: each.std(unbiased=False),
        }

    def on_train_end(self, losses: Mapping[str, float]) -> None:
        """Warn of a collapsed variance: σ near 0, or the same for all samples."""
        super().on_train_end(losses)
        mean, spread = losses[SIGMA], losses[SIGMA_SPREAD]
        if mean < LEAST_SPREAD or spread < LEAST_SPREAD * mean:
            log.warning(
                "the variance of DUL collapsed: in the last steps σ is %.3g with a spread of %.3g "
                "over samples, so it says nothing about a sample; change divergence_weight",
                mean,
                spread,
            )


class ConfidenceAware(OnMap):
    """Classifies each sample by a scale of its own.

    Reference:
        Y. Shi et al., CVPR 2020, section 3.1.
    """

    params: ConfidenceParams

    def build_heads(self, subjects: int) -> None:
        """Build the classifier and the head of scales."""
        network = self.mapped
        self.head = self.classifier(subjects)
        self.sure = Confidence(network.map_channels, network.map_hw, self.params.scale)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the loss, and the mean scale of a batch."""
        images, labels, _ = batch
        features, feature_map = self.seen(images)
        scale = self.sure(feature_map)
        with in_float32(features):
            # in logits, so that a sample of the common scale is classified as by CosFace
            margin = self.params.margin * self.params.scale
            total = confidence_loss(self.head.cosines(features), labels, scale, margin).mean()
        return {TOTAL: total, "confidence": scale.detach().mean()}


class Mixup(DmfrMethod):
    """Classifies images that are part real, part synthetic, as both of their subjects.

    Reference:
        H. Qiu et al., SynFace, ICCV 2021.
    """

    params: MixupParams

    def make_sampler(self) -> DomainSampler:
        """Return what draws a real and a synthetic sample for each image of a batch."""
        return DomainSampler(self.domains, self.params.batch_images, self.params.batch_images)

    def build_heads(self, subjects: int) -> None:
        """Build the classifier."""
        self.head = self.classifier(subjects)

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw mixed images, both labels (n,) of each, and the real one's share (n,)."""
        images, labels, roles = super().sample_batch(rng)
        real = self.of_role(roles, "real")
        drawn = self.shard(np.arange(self.params.batch_images))
        share = torch.from_numpy(rng.random(self.params.batch_images)[drawn]).float()
        return mixed(images[real], images[~real], share), labels[real], labels[~real], share

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the loss."""
        images, real, made, share = batch
        features = self.classified(images)
        scale = self.params.scale
        with in_float32(features):
            first, second = (self.head.each(features, each, scale) for each in (real, made))
            return {TOTAL: (share * first + (1.0 - share) * second).mean()}


class Reversal(DmfrMethod):
    """Classifies features that a judge shall not tell apart by what made them.

    Reference:
        Y. Ganin, V. Lempitsky, ICML 2015.
    """

    params: ReversalParams

    def build_heads(self, subjects: int) -> None:
        """Build classifier and judge."""
        self.head = self.classifier(subjects)
        width = int(cast(int, self.network.dimensions))
        self.judge = DomainJudge(width, self.params.reversal_weight)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses ``classify``, ``judge`` and their sum."""
        images, labels, roles = batch
        features = self.classified(images)
        with in_float32(features):
            classify = self.head(features, labels)
            judged = self.judge(features, self.of_role(roles, "synthetic"))
        return {TOTAL: classify + judged, "classify": classify, "judge": judged}


METHODS = {"dul": Dul, "confidence": ConfidenceAware, "mixup": Mixup, "reversal": Reversal}
