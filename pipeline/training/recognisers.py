"""From params and shard folders to a method's trained network."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from pipeline.errors import StageError
from pipeline.params.load import section_values
from pipeline.params.train import MethodParams
from pipeline.store import ShardFolder
from pipeline.training.backbones import BACKBONES, make_backbone
from pipeline.training.faces import (
    Components,
    FaceSet,
    load_components,
    load_faces,
    of_samples,
)
from pipeline.training.identities import joined, training_faces
from pipeline.training.learner import Curve, train_learner
from pipeline.training.methods import method_of
from pipeline.training.trained import Trained, save_trained, take_up
from pipeline.types import Band


@dataclass(frozen=True)
class Sources:
    """Stage outputs of a data set: ``parts``, ``masks`` (None where not needed)."""

    parts: ShardFolder
    masks: ShardFolder | None


def load_training_faces(
    params: MethodParams, sources: Sources, samples: Collection[str]
) -> tuple[FaceSet, Components | None]:
    """Decode the faces of a fold's table ``train``, masked ones of the second band if asked for."""
    whole = [band for band in params.bands if not (params.masked and band == params.bands[1])]
    found = load_set(params, sources.parts, samples, *whole)
    if not params.masked:
        return found
    if sources.masks is None:
        raise StageError(f"{params.dataset} has no stage `masks`: set masked to false")
    return joined(found, load_set(params, sources.masks, samples, params.bands[1]))


def load_set(
    params: MethodParams, folder: ShardFolder, samples: Collection[str], *bands: Band
) -> tuple[FaceSet, Components | None]:
    """Decode the faces made of some samples, with their components where the method takes them."""
    choice = of_samples(samples, *bands)
    faces = load_faces(folder, choice)
    if not method_of(params).components:
        return faces, None
    return faces, load_components(folder, faces, choice)


def train_method(
    name: str,
    params: MethodParams,
    start: Trained,
    faces: FaceSet,
    components: Components | None,
    *,
    key: str,
    path: Path,
) -> Curve:
    """Train a method on a fold's faces and write its network; returns the loss curve."""
    network = build_network(params, start)
    labelled = training_faces(faces, components, params.bands)
    learner = method_of(params).learner(params, network, BACKBONES[start.backbone].inputs, labelled)
    curve = train_learner(learner, params, label=name, key=key, path=path)
    subjects = {*start.subjects, *(f"{params.dataset}/{subject}" for subject in labelled.names)}
    save_trained(
        Trained(
            name,
            start.backbone,
            faces.crop_px,
            start.template,
            section_values(params),
            key,
            sorted(subjects),
            network.state_dict(),
        ),
        path,
    )
    return curve


def build_network(params: MethodParams, start: Trained) -> nn.Module:
    """Build a method's network on a pretrained backbone."""
    network = make_backbone(start.backbone, start.crop_px, params.seed)
    take_up(network, start)
    return method_of(params).network(params, network)
