"""DMFR by disentangling: f_id is what is left of f_entangle without f_non-id."""

import torch
from torch import nn

from models.dmfr.disentangle import DisentanglingNetwork, MapDecoder, reconstruction_loss
from pipeline.errors import StageError
from pipeline.params.train_dmfr import DisentangleParams
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.dmfr import DmfrMethod


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
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
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

    def build_heads(self, subjects: int) -> None:
        """Build classifier and decoder."""
        network = self.network
        self.head = self.classifier(subjects)
        self.decoder = MapDecoder(network.dimensions, network.map_channels, network.map_hw)

    def on_train_end(self) -> None:
        """Leave the network as it is."""

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses ``classify``, ``reconstruct`` and their weighted sum."""
        images, labels, _ = batch
        parts = self.network.parts(images)
        rebuilt = self.decoder(parts.entangled)
        identity = parts.identity.float()
        with in_float32(identity):
            classify = self.head(identity, labels)
            reconstruct = reconstruction_loss(
                rebuilt.float(), parts.feature_map.float(), self.params.reconstruction
            )
            total = classify + self.params.reconstruction_weight * reconstruct
        return {TOTAL: total, "classify": classify, "reconstruct": reconstruct}


METHODS = {"disentangle": Disentangle}
