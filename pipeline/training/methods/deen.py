"""DEEN: embeddings of visible and infra-red bodies that branches of one network generate.

Reference:
    Y. Zhang, H. Wang, Diverse Embedding Expansion Network and Low-Light Cross-Modality Benchmark
    for Visible-Infrared Person Re-identification, CVPR 2023.
"""

from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from models.bodies.losses import batch_hard
from models.deen.losses import center_guided, orthogonality, weighted_triplet
from models.deen.network import Deen, Design
from models.freezing import trainable
from models.processes import from_all, with_all
from models.seeding import seeded
from pipeline.params.body_training import DeenParams, PeopleParams
from pipeline.params.pretrain_bodies import DeenNetworkParams, PretrainDeenParams
from pipeline.training.data.images import HW
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.method import RATE_SHARE, TOTAL, Batch, Losses, in_float32
from pipeline.training.engine.optimizers import make_optimizer
from pipeline.training.engine.trained import Trained
from pipeline.training.methods.people import PeopleMethod, design_of
from pipeline.types import Band, Float32, Int64

_MEAN = (123.675, 116.28, 103.53)
_DEVIATION = (58.395, 57.12, 57.375)
"""ImageNet's, of RGB values in 0..255."""


class DiverseExpansion(PeopleMethod):
    """A ``Deen``: one stem for VIS, one for all other bands.

    Args:
        params: of the training.
        network: what embeds.
    """

    images = ("image",)
    params: DeenParams
    network: Deen

    def __init__(self, params: DeenParams, network: Deen) -> None:
        super().__init__(params)
        self.network = network
        self.dimensions = network.dimensions
        branches = range(1, 1 + network.design.branches)
        self.views = ("own map", *(f"branch {n}" for n in branches))

    @classmethod
    def seeded(cls, params: PeopleParams, hw: HW) -> Self:
        """Build the method of a pretraining: see ``PeopleMethod``; it takes crops of any size."""
        chosen = cast(PretrainDeenParams, params)
        return cls(chosen, _network(chosen.network, chosen.seed))

    @classmethod
    def seeded_like(cls, params: PeopleParams, pretrained: Trained) -> Self:
        """Build the method on an architecture: see ``PeopleMethod``."""
        design = DeenNetworkParams.model_validate(design_of(pretrained), strict=False)
        return cls(cast(DeenParams, params), _network(design, params.seed))

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples and build the classifier."""
        super().train_on(samples)
        self.infrared = _infrared(samples)
        with seeded(self.params.seed):
            self.classifier = nn.Linear(self.network.width, len(self.names), bias=False)
            nn.init.normal_(self.classifier.weight, std=0.001)

    def ordered(self, drawn: Int64) -> Int64:
        """Put visible images first, so that each process has some of both."""
        return drawn[np.argsort(self.infrared[drawn], kind="stable")]

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw images uint8 (n, h, w, 3), whether each is infra-red, and labels."""
        chosen, changes = self.drawn(rng)
        images = self.samples.read(chosen)
        changed, _ = self.augmentation.apply(images, np.zeros(images.shape[:3], np.uint8), changes)
        infrared = torch.from_numpy(self.infrared[chosen])
        return torch.from_numpy(changed), infrared, self.codes(chosen)[0]

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the four losses, the last two with their weights in the sum alone."""
        images, infrared, labels = batch
        features = with_all(self.network(_values(images), infrared).float())
        infrared, labels = from_all(infrared), from_all(labels)
        with in_float32(features):
            every, owners = features.flatten(0, 1), labels.repeat_interleave(features.shape[1])
            logits = self.classifier(self.network.normalised(features).flatten(0, 1))
            losses = {
                "identity": F.cross_entropy(logits, owners),
                "triplet": self._triplet(every, owners),
                "center_guided": center_guided(
                    features, labels, infrared, self.params.center_margin
                ),
                "orthogonality": orthogonality(features),
            }
        total = (
            losses["identity"]
            + losses["triplet"]
            + self.params.center_weight * losses["center_guided"]
            + self.params.orthogonality_weight * losses["orthogonality"]
        )
        return {TOTAL: total, **losses}

    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Build one optimiser whose rate is lower for what may come from ImageNet."""
        heads = [*trainable(self.network.neck), *trainable(self.classifier)]
        ours = set(map(id, heads))
        backbone = [weight for weight in trainable(self) if id(weight) not in ours]
        groups: list[dict[str, Any]] = [
            {"params": backbone, RATE_SHARE: self.params.backbone_rate},
            {"params": heads},
        ]
        return [make_optimizer(self.params, groups)]

    def network_inputs(self, samples: SampleSet, indices: Int64) -> Batch:
        """Return images uint8 (n, h, w, 3), and whether each is infra-red."""
        infrared = _infrared(samples.take(indices))
        return torch.from_numpy(samples.read(indices)), torch.from_numpy(infrared)

    def embed(self, *given: Tensor) -> Tensor:
        """Return all parts of bodies' embeddings, (n, parts, width)."""
        images, infrared = given
        return self.network.parts(_values(images), infrared)

    def mirrored(self, *given: Tensor) -> Batch:
        """Return the mirror images, and whether each is infra-red."""
        images, infrared = given
        return images.flip(2), infrared

    def fuse(self, made: Float32) -> Float32:
        """Join parts (n, parts, width) to embeddings (n, d)."""
        joined: Float32 = self.network.join(torch.from_numpy(made)).numpy()
        return joined

    @torch.no_grad()
    def looks(self, samples: SampleSet, indices: Int64) -> Float32:
        """Return the lengths of the last maps' vectors, of each place, as shares of a map's."""
        images, infrared = self.network_inputs(samples, indices)
        network = self.network.to("cpu").float().eval()
        strength = network.maps(_values(images), infrared).norm(dim=2)
        shares: Float32 = (strength / strength.sum(dim=(2, 3), keepdim=True)).numpy()
        return shares

    def _triplet(self, features: Tensor, labels: Tensor) -> Tensor:
        margin = self.params.triplet_margin
        if margin == "weighted":
            return weighted_triplet(features, labels)
        return batch_hard(features, labels, margin).mean()


def _network(params: DeenNetworkParams, seed: int) -> Deen:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = Deen(Design(params.depth, params.stages, params.branches))
    return built.to(memory_format=torch.channels_last)


def _infrared(samples: SampleSet) -> np.ndarray:
    """Return whether samples are of another band than VIS, bool (n,)."""
    found: np.ndarray = samples.bands != str(Band.VIS)
    return found


def _values(images: Tensor) -> Tensor:
    """Turn uint8 (n, h, w, 3) into (n, 3, h, w) of ImageNet's mean and deviation."""
    channels = zip(images.float().unbind(dim=3), _MEAN, _DEVIATION, strict=True)
    values = [(channel - mean) / deviation for channel, mean, deviation in channels]
    return torch.stack(values, dim=3).permute(0, 3, 1, 2)


METHODS = {"deen": DiverseExpansion}
