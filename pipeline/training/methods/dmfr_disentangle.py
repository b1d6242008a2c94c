"""DMFR by disentangling: f_id is what is left of f_entangle without f_non-id."""

import logging
from collections.abc import Mapping

from torch import Tensor, nn

from models.dmfr.disentangle import (
    DisentanglingNetwork,
    MapDecoder,
    normalised,
    reconstruction_loss,
    unexplained,
)
from models.seeding import seeded
from pipeline.errors import StageError
from pipeline.params.train_dmfr import DisentangleParams
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.dmfr import DmfrMethod

UNEXPLAINED = "unexplained"
"""Beside the losses: what the decoder misses of what tells the maps of single images apart."""
log = logging.getLogger(__name__)


class Disentangle(DmfrMethod):
    """Classifies by f_id, and rebuilds the feature map from f_entangle.

    Reference:
        DMFR paper, section "Disentangle-based DMFR".
    """

    params: DisentangleParams
    network: DisentanglingNetwork

    def __init__(
        self, params: DisentangleParams, backbone: nn.Module, preprocess: Preprocess
    ) -> None:
        """Build the network on a backbone.

        Raises:
            StageError: the backbone has no feature map.
        """
        super().__init__(params, backbone, preprocess)
        with seeded(params.seed):
            try:
                self.network = DisentanglingNetwork(
                    backbone, params.dimensions, params.map_channels
                )
            except ValueError as error:
                raise StageError(
                    f"{error}: expected a `pretrained` whose backbone is lightcnn9, iresnet18, "
                    "iresnet50 or iresnet100"
                ) from error
        del self.embedder  # the backbone's own features take no part

    def classified(self, images: Tensor) -> Tensor:
        """Return f_id, float32 (n, d)."""
        return self.network.parts(images).identity.float()

    def build_heads(self, subjects: int) -> None:
        """Build classifier and decoder."""
        network = self.network
        self.head = self.classifier(subjects)
        self.decoder = MapDecoder(network.dimensions, network.map_channels, network.map_hw)

    def on_train_end(self, losses: Mapping[str, float]) -> None:
        """Leave the network as it is; warn where f_entangle was not made to keep the map."""
        if (missed := losses[UNEXPLAINED]) >= 1.0:
            squared = self.params.reconstruction == "mse"
            log.warning(
                "the decoder of the feature map does not tell images apart: in the last steps its "
                "error is %.3g of that of a mean map (1: no better), so nothing makes f_entangle "
                "keep more than f_id; train longer, or %s",
                missed,
                "set reconstruction to l2" if squared else "raise reconstruction_weight",
            )

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses ``classify``, ``reconstruct`` and their weighted sum.

        Beside them ``unexplained``, which tells whether the decoder learns.
        """
        images, labels, _ = batch
        parts = self.network.parts(images)
        rebuilt = self.decoder(parts.entangled)
        identity = parts.identity.float()
        with in_float32(identity):
            classify = self.head(identity, labels)
            maps = rebuilt.float(), normalised(parts.feature_map.float())
            reconstruct = reconstruction_loss(*maps, self.params.reconstruction)
            missed = unexplained(*maps)
            total = classify + self.params.reconstruction_weight * reconstruct
        return {
            TOTAL: total,
            "classify": classify,
            "reconstruct": reconstruct,
            UNEXPLAINED: missed,
        }


METHODS = {"disentangle": Disentangle}
