"""Pretraining of a backbone: visible faces classified, with SFace's embedding as teacher."""

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import nn

from models.backbones.bn_neck import BNNeck, with_bn_neck
from models.losses.margins import CosineClassifier
from models.seeding import seeded
from pipeline.params.pretrain_nir_vis import PretrainNirVisParams
from pipeline.params.training import TrainingParams
from pipeline.training.data.augmentation import FACES, apply
from pipeline.training.data.labels import label
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.data.samplers import BalancedImages
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.recogniser import Recogniser, refuse_one_person


class Pretraining(Recogniser):
    """A backbone with a classifier of the training subjects and a projection onto the teacher.

    The teacher's embeddings are centred, so that what all faces share is not what is learned. A
    LightCNN has no normalisation, and what its features share is most of them at the start: they
    are normalised while it trains, and ``on_train_end`` puts that into its last layer.

    Reference:
        Teacher: Y. Zhong et al., SFace, TIP 30, 2021; matching normalised embeddings: P. Wang et
        al., Improving knowledge distillation via regularizing feature norm and direction, 2023.
    """

    inputs = ("attributes",)
    extras = ("embedding",)
    params: PretrainNirVisParams

    def __init__(
        self, params: PretrainNirVisParams, backbone: nn.Module, preprocess: Preprocess
    ) -> None:
        super().__init__(params, backbone, preprocess)
        self.embedder = with_bn_neck(backbone)

    @classmethod
    def images_of(cls, params: TrainingParams) -> tuple[str, ...]:
        """Return the crop that params choose."""
        return (cast(PretrainNirVisParams, params).crop,)

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples, of one band, and build classifier and projection.

        Raises:
            StageError: there are fewer than two people to classify.
        """
        params = self.params
        self.samples, self.labels = samples, label(samples, [params.band])
        if params.classify_weight:
            refuse_one_person(len(self.labels.names), params.band)
        teacher = torch.tensor(np.asarray(samples.column("embedding"), np.float32))
        with seeded(params.seed):
            width = int(self.network.dimensions)  # type: ignore[arg-type]
            self.classifier = CosineClassifier(
                len(self.labels.names),
                width,
                loss=params.loss,
                scale=params.scale,
                margin=params.margin,
            )
            self.to_teacher = nn.Linear(width, teacher.shape[1], bias=False)
        self._sampler = BalancedImages(self.labels.index, [params.band], params.batch_images)
        directions = F.normalize(teacher)
        self.teacher = F.normalize(directions - directions.mean(dim=0))

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw images, augmented and cut at random, with labels and the teacher's embeddings."""
        drawn, hw = self._sampler.draw(rng), self.samples.hw
        changes = FACES.draw(rng, len(drawn))
        corners = self.preprocess.random_corners(rng, len(drawn), hw)
        mine = self.shard(np.arange(len(drawn)))
        chosen = drawn[mine]
        changed = apply(self.samples.read(chosen), changes[mine])
        images = torch.from_numpy(changed).permute(0, 3, 1, 2)
        cut = self.preprocess.cut(images, torch.from_numpy(corners[mine]))
        labels = torch.from_numpy(self.labels.labels[chosen])
        return self.preprocess.values(cut), labels, self.teacher[torch.from_numpy(chosen)]

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses ``classify``, ``distil`` and their weighted sum."""
        images, labels, teacher = batch
        features = self.embedder(images).float()
        with in_float32(features):
            classify = self.classifier(features, labels)
            distil = (1.0 - F.cosine_similarity(self.to_teacher(features), teacher)).mean()
        weights = self.params.classify_weight, self.params.distil_weight
        total = weights[0] * classify + weights[1] * distil
        return {TOTAL: total, "classify": classify, "distil": distil}

    def on_train_end(self, losses: Mapping[str, float]) -> None:
        """Put the features' normalisation into the network."""
        if isinstance(self.embedder, BNNeck):
            self.embedder.fold()
