"""The start of a backbone: visible faces classified, with SFace's embedding as teacher."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.losses.margins import CosineClassifier
from models.nets.checkpoints import load_backbone
from pipeline.params import PretrainParams, section_values
from pipeline.store import ShardFolder
from pipeline.training.augment import augmented
from pipeline.training.backbones import BACKBONES, Inputs, make_backbone
from pipeline.training.faces import FaceSet, load_embeddings, load_faces, of_split
from pipeline.training.identities import TrainingFaces, training_faces
from pipeline.training.learner import TOTAL, Batch, Curve, Learner, in_float32, train_learner
from pipeline.training.samplers import BalancedPictures
from pipeline.training.trained import Trained, save_trained
from pipeline.types import Float32, Split


def load_pretraining_faces(attributes: ShardFolder, params: PretrainParams) -> FaceSet:
    """Decode the faces of the train split in the band of a pretraining."""
    return load_faces(attributes, of_split(Split.TRAIN, params.band))


def pretrain(
    name: str,
    params: PretrainParams,
    faces: FaceSet,
    attributes: ShardFolder,
    *,
    checkpoint: Path | None,
    template: str,
    key: str,
    path: Path,
) -> tuple[Curve, str]:
    """Train a backbone's start, or take up a user's, and write it.

    Returns:
        The loss curve, and what matched of the user's checkpoint.
    """
    network = make_backbone(params.backbone, faces.crop_px, params.seed)
    report = str(load_backbone(network, checkpoint)) if checkpoint else ""
    labelled = training_faces(faces, None, [params.band])
    learner = Pretraining(
        params,
        network,
        BACKBONES[params.backbone].inputs,
        labelled,
        load_embeddings(attributes, faces),
    )
    curve = train_learner(learner, params, label=name, key=key, path=path)
    subjects = [f"{params.dataset}/{subject}" for subject in labelled.names]
    save_trained(
        Trained(
            name,
            params.backbone,
            faces.crop_px,
            template,
            section_values(params),
            key,
            subjects if params.steps else [],
            network.state_dict(),
        ),
        path,
    )
    return curve, report


class Pretraining(Learner):
    """A backbone with a classifier of the training subjects and a projection onto the teacher.

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
        self.network = network
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            width = int(network.dimensions)  # type: ignore[arg-type]
            self.classifier = CosineClassifier(
                len(faces.names), width, loss=params.loss, scale=params.scale, margin=params.margin
            )
            self.to_teacher = nn.Linear(width, teacher.shape[1])
        self._params, self._inputs = params, inputs
        self._sampler = BalancedPictures(faces.index, [params.band], params.batch_pictures)
        self._images = torch.from_numpy(faces.faces.images)
        self._labels = torch.from_numpy(faces.labels)
        self._teacher = F.normalize(torch.from_numpy(teacher))

    def draw(self, generator: np.random.Generator) -> Batch:
        """Draw pictures, augmented and cut at random, with labels and the teacher's embeddings."""
        chosen = torch.from_numpy(self._sampler.draw(generator))
        pictures = augmented(self._images[chosen].permute(0, 3, 1, 2), generator)
        room = self._inputs.room(pictures.shape[-1])
        corners = torch.from_numpy(generator.integers(0, room + 1, (len(chosen), 2)))
        values = self._inputs.values(self._inputs.cut(pictures, corners))
        return values, self._labels[chosen], self._teacher[chosen]

    def forward(self, *batch: Tensor) -> dict[str, Tensor]:
        """Return the losses ``classify``, ``distil`` and their weighted sum."""
        pictures, labels, teacher = batch
        features = self.network(pictures).float()
        with in_float32(features):
            classify = self.classifier(features, labels)
            distil = (1.0 - F.cosine_similarity(self.to_teacher(features), teacher)).mean()
        weights = self._params.classify_weight, self._params.distil_weight
        total = weights[0] * classify + weights[1] * distil
        return {TOTAL: total, "classify": classify, "distil": distil}
