"""Plain training: one network, both bands alike, one loss."""

import torch
from torch import Tensor, nn

from models.losses.margins import CosineClassifier
from models.losses.triplets import cross_band_triplet
from pipeline.params.train import PlainParams
from pipeline.training.backbones import Inputs
from pipeline.training.identities import TrainingFaces
from pipeline.training.learner import TOTAL, in_float32
from pipeline.training.methods.pairs import PairLearner, cosine_classifier
from pipeline.training.samplers import CrossBandPairs


class PlainLearner(PairLearner):
    """Trains a backbone by classification of the training subjects, or by triplets.

    Reference:
        HSST paper, section III-B: "the plain training method as baseline".
    """

    def __init__(
        self, params: PlainParams, network: nn.Module, inputs: Inputs, faces: TrainingFaces
    ) -> None:
        super().__init__(
            network, inputs, faces, CrossBandPairs(faces.index, *params.bands, params.batch_pairs)
        )
        self._margin = params.margin
        self.classifier: CosineClassifier | None = None
        if params.loss != "triplet":
            width = int(network.dimensions)  # type: ignore[arg-type]
            self.classifier = cosine_classifier(params, params.loss, len(faces.names), width)

    def forward(self, *batch: Tensor) -> dict[str, Tensor]:
        """Return the loss."""
        first, second, subjects = batch
        features = self.embedder(torch.cat([first, second])).float()
        with in_float32(features):
            if self.classifier is None:
                near, far = features.chunk(2)
                return {TOTAL: cross_band_triplet(near, far, self._margin).mean()}
            return {TOTAL: self.classifier(features, subjects.repeat(2))}
