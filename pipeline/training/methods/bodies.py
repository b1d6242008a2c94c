"""Training of the body paper: identity and batch-hard triplets on a ViT's global and local tokens.

Reference:
    A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body embeddings,
    2025, equations 5 to 9 and section IV-C (LoRA). ``bn_neck``: see ``SemanticViT``.
"""

import logging
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from models.bodies.losses import batch_hard, hard_pair_shares, random_pair_shares
from models.bodies.semantic_vit import (
    ALL_LOCALS,
    LOCALS,
    SIZES,
    Design,
    SemanticViT,
    patch_regions,
)
from models.processes import from_all, with_all
from models.seeding import seeded
from pipeline.errors import StageError
from pipeline.params.body_training import BodyParams, LoraParams, PeopleParams
from pipeline.params.pretrain_bodies import BodyNetworkParams, PretrainBodyParams
from pipeline.params.train_bodies import TrainBodyParams
from pipeline.training.data.images import HW
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.engine.trained import Trained
from pipeline.training.methods.people import PeopleMethod, design_of
from pipeline.types import Float32, Int64, UInt8

if TYPE_CHECKING:
    from peft.tuners.lora import LoraModel

ACROSS, WITHIN = "hard_positives_across_bands", "hard_negatives_within_band"
"""Shares that a step's losses carry along, of the hardest pairs."""
RANDOM_ACROSS, RANDOM_WITHIN = "random_positives_across_bands", "random_negatives_within_band"
"""The same of random pairs of the batch, to read those beside."""
SPREAD, COLLAPSED = "spread", 0.02
"""Beside them: how far features lie from their mean, of their length; below that they are one,
unless the identity's loss tells that they differ: a normalisation after them finds small ones."""
_GUESSED = 0.95
"""Share of the identity's loss by guessing above which nothing of who is who was learned."""
_MIDDLE = 127.5
log = logging.getLogger(__name__)


class Bodies(PeopleMethod):
    """A ``SemanticViT``; an embedding is its four tokens, which ``fuse`` makes one of.

    Args:
        params: of the training.
        network: what embeds.
        cameras: ids of the cameras that the network has embeddings for.
        lora: trains low-rank matrices in place of all weights.
    """

    images = ("image", "body_region_labels")
    views = ("global", *LOCALS)
    params: BodyParams
    network: SemanticViT

    def __init__(
        self,
        params: BodyParams,
        network: SemanticViT,
        cameras: tuple[str, ...] = (),
        lora: LoraParams | None = None,
    ) -> None:
        super().__init__(params)
        self.network, self.cameras, self.lora = network, cameras, lora
        self.dimensions = network.dimensions
        self._adapted: list[LoraModel] = []

    @classmethod
    def seeded(cls, params: PeopleParams, hw: HW) -> Self:
        """Build the method of a pretraining: see ``PeopleMethod``."""
        chosen = cast(PretrainBodyParams, params)
        return cls(chosen, _network(chosen.network, hw, chosen.seed), chosen.network.cameras)

    @classmethod
    def seeded_like(cls, params: PeopleParams, pretrained: Trained) -> Self:
        """Build the method on an architecture: see ``PeopleMethod``."""
        design = BodyNetworkParams.model_validate(design_of(pretrained), strict=False)
        hw = pretrained.crop_hw[0], pretrained.crop_hw[1]
        lora = params.lora if isinstance(params, TrainBodyParams) else None
        network = _network(design, hw, params.seed)
        return cls(cast(BodyParams, params), network, design.cameras, lora)

    def load(self, trained: Trained) -> None:
        """Load a trained network's weights, and with them its neck, if it has one."""
        self.network.renew_neck(any(name.startswith("neck.") for name in trained.weights))
        super().load(trained)

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples, build the classifier, and put low-rank matrices in place.

        Raises:
            StageError: a camera has no embedding, the region maps show nothing, or there are too
                few subjects.
        """
        super().train_on(samples)
        self.camera_codes = self._cameras_of(samples)
        self._check_regions(samples)
        width = self.network.dimensions
        with seeded(self.params.seed):
            if self.lora is not None:
                from models.bodies.lora import adapt  # brings peft

                self.network.recompute = self.lora.recompute
                adapted = adapt(self.network, self.lora.rank, self.lora.alpha)
                self._adapted = [adapted]  # in a list, so that it is no second way to its weights
            self.classifier = nn.Linear(width, len(self.names), bias=False)
            nn.init.normal_(self.classifier.weight, std=0.001)
        self.network.renew_neck(self.params.bn_neck)  # after LoRA, which would freeze it

    def train(self, mode: bool = True) -> Self:
        """Set the mode of training; beside low-rank matrices the stem normalises as it was met."""
        super().train(mode)
        if self.lora is not None:
            self.network.patch_embed.eval()
        return self

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw images uint8 (n, h, w, 3), regions, labels, bands and cameras."""
        chosen, changes = self.drawn(rng)
        images, labels = self.samples.read(chosen), self._labels(self.samples, chosen)
        changed = self.augmentation.apply(images, labels, changes)
        cameras = torch.from_numpy(self.camera_codes[chosen])
        return *self._given(*changed), *self.codes(chosen), cameras

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return ``identity``, ``triplet`` and their sum, and what the hard pairs are."""
        images, regions, labels, bands, cameras = batch
        features = with_all(self.network(_values(images), regions, self._seen(cameras)).float())
        labels, bands = from_all(labels), from_all(bands)  # hard pairs are those of a whole batch
        margin = self.params.triplet_margin
        with in_float32(features):
            identity = F.cross_entropy(self.classifier(self.network.neck(features)), labels)
            pairs = batch_hard(features, labels, None if margin == "soft" else margin)
        triplet = pairs.mean()
        across, within = hard_pair_shares(pairs, bands)
        random_across, random_within = random_pair_shares(labels, bands)
        total = identity + self.params.triplet_weight * triplet
        return {
            TOTAL: total,
            "identity": identity,
            "triplet": triplet,
            ACROSS: across,
            WITHIN: within,
            RANDOM_ACROSS: random_across,
            RANDOM_WITHIN: random_within,
            SPREAD: spread_of(features.detach()),
        }

    def on_train_end(self, losses: Mapping[str, float]) -> None:
        """Merge low-rank matrices into the layers; warn of features that became one."""
        guessed = math.log(len(self.names))
        if losses[SPREAD] < COLLAPSED and losses["identity"] > _GUESSED * guessed:
            log.warning(
                "all bodies have nearly the same features: in the last steps they differ from "
                "their mean by %.2g of their length, and the identity loss is that of guessing, "
                "%.2f (triplets without a margin cost nothing then). Set bn_neck to true or "
                "triplet_margin to soft, lower learning_rate, or start from a network that was "
                "trained on more people",
                losses[SPREAD],
                losses["identity"],
            )
        if self._adapted:
            from models.bodies.lora import merge

            merge(self._adapted.pop())

    def network_inputs(self, samples: SampleSet, indices: Int64) -> Batch:
        """Return images uint8 (n, h, w, 3), regions and cameras of samples."""
        given = self._given(samples.read(indices), self._labels(samples, indices))
        return *given, torch.from_numpy(self._cameras_of(samples.take(indices)))

    def embed(self, *given: Tensor) -> Tensor:
        """Return the global and the local tokens, (n, 4, d)."""
        images, regions, cameras = given
        return self.network.tokens(_values(images), regions, self._seen(cameras))

    def mirrored(self, *given: Tensor) -> Batch:
        """Return images, regions and cameras of the mirror images."""
        images, regions, cameras = given
        columns = self.network.design.hw[1] // self.network.design.patch_px
        patches = regions.view(*regions.shape[:2], -1, columns).flip(3).flatten(2)
        return images.flip(2), patches, cameras

    @torch.no_grad()
    def fuse(self, tokens: Float32, kept: tuple[bool, bool, bool] = ALL_LOCALS) -> Float32:
        """Make embeddings float32 (n, 2 d) of tokens float32 (n, 4, d), with some of the locals.

        What the network was trained to tell people apart by: after its neck, if it has one.
        """
        network = self.network.to("cpu").float().eval()
        # copied: a single row's product is rounded by where in memory it lies; torch's is aligned
        fused: Float32 = network.neck(network.fuse(torch.tensor(tokens), kept)).numpy()
        return fused

    @torch.no_grad()
    def looks(self, samples: SampleSet, indices: Int64) -> Float32:
        """Return where the tokens look in samples, float32 (n, tokens, rows, columns)."""
        images, regions, cameras = self.network_inputs(samples, indices)
        network = self.network.to("cpu").float().eval()
        maps: Float32 = network.attention(_values(images), regions, self._seen(cameras)).numpy()
        return maps

    def _labels(self, samples: SampleSet, indices: Int64) -> UInt8:
        return samples.read(indices, "body_region_labels", grey=True)

    def _given(self, images: UInt8, labels: UInt8) -> tuple[Tensor, Tensor]:
        regions = patch_regions(torch.from_numpy(labels), self.network.design.patch_px)
        return torch.from_numpy(images), regions

    def _seen(self, cameras: Tensor) -> Tensor | None:
        return cameras if self.cameras else None

    def _cameras_of(self, samples: SampleSet) -> Int64:
        """Return the number of each sample's camera; all 0 without camera embeddings."""
        if not self.cameras:
            return np.zeros(len(samples), np.int64)
        number = {camera: index for index, camera in enumerate(self.cameras)}
        ids = [str(camera) for camera in samples.column("camera_id")]
        if unknown := sorted(set(ids) - number.keys()):
            raise StageError(
                f"cameras {', '.join(unknown)} have no embedding: expected some of "
                f"{', '.join(self.cameras)}; name them in network.cameras and pretrain again"
            )
        return np.array([number[camera] for camera in ids], np.int64)

    def _check_regions(self, samples: SampleSet) -> None:
        """Refuse maps that show nothing: their tokens would all see everything, unnoticed."""
        if self.network.design.local == "free":
            return
        few = np.unique(np.linspace(0, len(samples) - 1, 32).astype(np.int64))
        if not self._labels(samples, few).any():
            raise StageError(
                f"the region maps of {len(few)} training crops show no region: expected face, "
                "torso and lower body in most; run `crop_bodies` again, or set network.local to "
                "'free'"
            )


def spread_of(features: Tensor) -> Tensor:
    """Return how far features (n, d) lie from their mean, as a share of their length: a scalar.

    The mean distance over the mean length: 0 where all are one, 1 where they point anywhere.
    """
    apart = (features - features.mean(dim=0)).norm(dim=1).mean()
    spread: Tensor = apart / features.norm(dim=1).mean().clamp_min(1e-12)
    return spread


def _network(params: BodyNetworkParams, hw: HW, seed: int) -> SemanticViT:
    design = Design(
        SIZES[params.vit],
        hw=hw,
        patch_px=params.patch_px,
        local=params.local,
        fusion=params.fusion,
        stem=params.stem,
        drop_path=params.drop_path,
        cameras=len(params.cameras),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return SemanticViT(design)
        except ValueError as error:
            raise StageError(
                f"crops of {hw[0]}×{hw[1]} pixels: {error}; change crop_bodies or network.patch_px"
            ) from error


def _values(images: Tensor) -> Tensor:
    """Turn uint8 (n, h, w, 3) into (n, 3, h, w) in [−1, 1], channels last in memory."""
    return images.permute(0, 3, 1, 2).float().sub(_MIDDLE).div(_MIDDLE)


METHODS = {"semantic_vit": Bodies}
