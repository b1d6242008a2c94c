"""Fine-tuning: one network, both bands alike, one loss."""

import torch
from torch import nn

from models.losses.margins import CosineClassifier
from models.losses.triplets import cross_band_triplet
from models.processes import with_all
from pipeline.params.train_nir_vis import FinetuneParams
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.pairs import PairMethod, cosine_classifier


class Finetune(PairMethod):
    """Trains a backbone by classification of the training subjects, or by triplets.

    Reference:
        HSST paper, section III-B: "the plain training method as baseline".
    """

    params: FinetuneParams

    def __init__(self, params: FinetuneParams, backbone: nn.Module, preprocess: Preprocess) -> None:
        super().__init__(params, backbone, preprocess)
        self.classifier: CosineClassifier | None = None

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples; a loss that classifies gets its classifier."""
        super().train_on(samples)
        if self.params.loss != "triplet":
            width = int(self.network.dimensions)  # type: ignore[arg-type]
            classes = len(self.labels.names)
            self.classifier = cosine_classifier(self.params, self.params.loss, classes, width)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the loss."""
        first, second, subjects = batch
        features = self.embedder(torch.cat([first, second])).float()
        with in_float32(features):
            if self.classifier is None:
                near, far = map(with_all, features.chunk(2))
                return {TOTAL: cross_band_triplet(near, far, self.params.margin).mean()}
            return {TOTAL: self.classifier(features, subjects.repeat(2))}


METHODS = {"finetune": Finetune}
