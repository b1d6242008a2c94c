"""The start of a backbone: visible faces classified, with SFace's embedding as teacher."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.backbones.bn_neck import BNNeck, with_bn_neck
from models.losses.margins import CosineClassifier
from pipeline.params.pretrain import PretrainParams
from pipeline.store import ShardFolder
from pipeline.training.augment import augmented
from pipeline.training.backbones import BACKBONES, Inputs
from pipeline.training.faces import FaceSet, load_embeddings, load_faces, of_split
from pipeline.training.identities import TrainingFaces, training_faces
from pipeline.training.learner import TOTAL, Batch, Curve, Learner, in_float32, train_learner
from pipeline.training.samplers import BalancedImages
from pipeline.types import Float32, Split


@dataclass(frozen=True)
class PretrainingFaces:
    """Faces of one band with what the teacher makes of them, float32 (n, t)."""

    faces: FaceSet
    teacher: Float32


def load_pretraining_faces(attributes: ShardFolder, params: PretrainParams) -> PretrainingFaces:
    """Decode the faces of the train split in the band of a pretraining."""
    faces = load_faces(attributes, of_split(Split.TRAIN, params.band))
    return PretrainingFaces(faces, load_embeddings(attributes, faces))


def pretrain(
    name: str,
    params: PretrainParams,
    network: nn.Module,
    found: PretrainingFaces,
    *,
    key: str,
    path: Path,
) -> Curve:
    """Train a backbone's start; returns the loss curve."""
    labelled = training_faces(found.faces, None, [params.band])
    inputs = BACKBONES[params.backbone].inputs
    learner = Pretraining(params, network, inputs, labelled, found.teacher)
    return train_learner(learner, params, label=name, key=key, path=path)


class Pretraining(Learner):
    """A backbone with a classifier of the training subjects and a projection onto the teacher.

    The teacher's embeddings are centred, so that what all faces share is not what is learned. A
    LightCNN has no normalisation, and what its features share is most of them at the start: they
    are normalised while it trains, and ``finish`` puts that into its last layer.

    Reference:
        Teacher: Y. Zhong et al., SFace, TIP 30, 2021; matching normalised embeddings: P. Wang et
        al., Improving knowledge distillation via regularizing feature norm and direction, 2023.
    """

    def __init__(
        self,
        params: PretrainParams,
        network: nn.Module,
        inputs: Inputs,
        faces: TrainingFaces,
        teacher: Float32,
    ) -> None:
        """Set up.

        Args:
            params: of the training.
            network: the backbone.
            inputs: what it takes.
            faces: of one band.
            teacher: float32 (n, t), the teacher's embedding of each face.
        """
        super().__init__()
        self.network = with_bn_neck(network)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            width = int(network.dimensions)  # type: ignore[arg-type]
            self.classifier = CosineClassifier(
                len(faces.names), width, loss=params.loss, scale=params.scale, margin=params.margin
            )
            self.to_teacher = nn.Linear(width, teacher.shape[1], bias=False)
        self._params, self._inputs = params, inputs
        self._sampler = BalancedImages(faces.index, [params.band], params.batch_images)
        self._images = torch.from_numpy(faces.faces.images)
        self._labels = torch.from_numpy(faces.labels)
        directions = F.normalize(torch.from_numpy(teacher))
        self._teacher = F.normalize(directions - directions.mean(dim=0))

    def draw(self, generator: np.random.Generator) -> Batch:
        """Draw images, augmented and cut at random, with labels and the teacher's embeddings."""
        chosen = torch.from_numpy(self.mine(self._sampler.draw(generator)).copy())
        images = augmented(self._images[chosen].permute(0, 3, 1, 2), generator)
        room = self._inputs.room(images.shape[-1])
        corners = torch.from_numpy(generator.integers(0, room + 1, (len(chosen), 2)))
        values = self._inputs.values(self._inputs.cut(images, corners))
        return values, self._labels[chosen], self._teacher[chosen]

    def forward(self, *batch: Tensor) -> dict[str, Tensor]:
        """Return the losses ``classify``, ``distil`` and their weighted sum."""
        images, labels, teacher = batch
        features = self.network(images).float()
        with in_float32(features):
            classify = self.classifier(features, labels)
            distil = (1.0 - F.cosine_similarity(self.to_teacher(features), teacher)).mean()
        weights = self._params.classify_weight, self._params.distil_weight
        total = weights[0] * classify + weights[1] * distil
        return {TOTAL: total, "classify": classify, "distil": distil}

    def finish(self) -> None:
        """Put the features' normalisation into the network."""
        if isinstance(self.network, BNNeck):
            self.network.fold()
