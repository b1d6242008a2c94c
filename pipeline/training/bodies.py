"""From params and rows of ``crop_bodies`` to networks that embed people."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from models.backbones.checkpoints import load_backbone
from models.bodies.checkpoints import load_person_weights
from models.deen.checkpoints import load_deen
from pipeline.errors import StageError
from pipeline.params.body_training import PeopleParams
from pipeline.params.load import section_values
from pipeline.params.pretrain_bodies import AnyPretrainPeopleParams, PretrainAdaFaceParams
from pipeline.store.shards import ShardFolder
from pipeline.training.aligned import subjects_of
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.loop import Run, train
from pipeline.training.engine.trained import Trained, save_trained
from pipeline.training.methods.adaface import AdaFace
from pipeline.training.methods.bodies import Bodies
from pipeline.training.methods.deen import DiverseExpansion
from pipeline.training.methods.people import DESIGN, Chosen, PeopleMethod

FACE_BOX = "face_box"
"""What a face that ``crop_bodies`` cut out is aligned by, in place of an alignment template."""

_METHODS: dict[str, type[PeopleMethod]] = {
    "semantic_vit": Bodies,
    "deen": DiverseExpansion,
    "adaface": AdaFace,
}
"""Of the registry's methods those on people: by the registry, evaluations of people would have all
methods in dvc.yaml, and be done anew with each of them."""
CHECKPOINTS: dict[str, str] = {
    "semantic_vit": "models.bodies.checkpoints",
    "deen": "models.deen.checkpoints",
    "adaface": "models.backbones.checkpoints",
}
"""Modules that load a user's checkpoint, by the ``kind`` of params: a pretraining's key has its."""


def open_chosen(params: PeopleParams, folder: ShardFolder, ids: Collection[str]) -> Chosen:
    """Open what a method trains on.

    Raises:
        StageError: nothing is left, or a band lacks samples.
    """
    budget = params.image_budget_mb << 20
    return Chosen.of(class_of(params).open(folder, ids, params.bands, budget), params)


def class_of(params: PeopleParams) -> type[PeopleMethod]:
    """Return the class of the method that params ask for."""
    return _METHODS[params.kind]


def method_of(params: PeopleParams, pretrained: Trained) -> PeopleMethod:
    """Build a method on a pretrained network, with its weights.

    Args:
        params: of the training, or of the pretraining itself.
        pretrained: what it starts from.

    Raises:
        WeightsError: the weights are another architecture's.
    """
    method = class_of(params).seeded_like(params, pretrained)
    method.load(pretrained)
    return method


def with_checkpoint(method: PeopleMethod, path: Path) -> str:
    """Load a user's checkpoint into a pretraining's network; returns what became of its weights."""
    if isinstance(method, Bodies):
        return str(load_person_weights(method.network, path))
    if isinstance(method, DiverseExpansion):
        return str(load_deen(method.network, path))
    return str(load_backbone(method.network, path))


def train_people(
    label: str,
    method: PeopleMethod,
    chosen: Chosen,
    starts: Trained | str,
    *,
    key: str,
    path: Path,
) -> Run:
    """Train a method, if it has steps, and write its network.

    Args:
        label: in progress and messages, for example ``train_bodies@full``.
        method: with the network that it starts from.
        chosen: who trains.
        starts: the pretrained network, or the name of the backbone where there is none.
        key: what the training depends on.
        path: of the network; the checkpoint lies beside it.

    Raises:
        StageError: the samples are cut otherwise than the pretrained network's were, are too few,
            or a loss was not finite.
    """
    samples, params = chosen.samples, method.params
    subjects, values = set[str](), section_values(params)
    if isinstance(starts, Trained):
        check_cut(samples, starts)
        subjects.update(starts.subjects)
        if DESIGN in starts.params:
            values[DESIGN] = starts.params[DESIGN]
    run = Run([], 0.0, 0.0)
    if params.steps:
        method.train_on(samples)
        run = train(method, label=label, key=key, checkpoint=path.with_name("checkpoint.pt"))
        subjects |= subjects_of(params.dataset, samples)
    trained = Trained(
        label,
        starts.backbone if isinstance(starts, Trained) else starts,
        samples.hw,
        cut_of(samples),
        values,
        key,
        sorted(subjects),
        method.network.state_dict(),
    )
    save_trained(trained, path)
    return run


def backbone_of(params: AnyPretrainPeopleParams) -> str:
    """Return the name of a pretraining's backbone: of bodies, its kind."""
    return params.backbone if isinstance(params, PretrainAdaFaceParams) else params.kind


def cut_of(samples: SampleSet) -> str:
    """Return how samples were cut out: the policy of bodies.

    Raises:
        StageError: they were in several ways.
    """
    if samples.images[0] == "face":
        return FACE_BOX
    found = sorted({str(policy) for policy in samples.column("policy")})
    if len(found) > 1:
        raise StageError(
            f"crops were cut by {' and '.join(found)}: expected one policy; run `crop_bodies` again"
        )
    return found[0]


def check_cut(samples: SampleSet, trained: Trained) -> None:
    """Refuse samples that are cut otherwise than what a network was trained on.

    Raises:
        StageError: they are.
    """
    ours, theirs = (cut_of(samples), samples.hw), (trained.template, tuple(trained.crop_hw))
    if ours != theirs:
        raise StageError(
            f"{trained.name} was trained on crops of {theirs[1][0]}×{theirs[1][1]} pixels "
            f"({theirs[0]}), these have {ours[1][0]}×{ours[1][1]} ({ours[0]}): expected the same; "
            "set crop_bodies to match, or pretrain again"
        )


def described(chosen: Chosen, run: Run) -> dict[str, Any]:
    """Return a training's metrics: what it saw, who took no part, and its last losses."""
    samples = chosen.samples
    return {
        "images": len(samples),
        "images_by_band": dict(sorted(Counter(samples.bands.tolist()).items())),
        "subjects": len(set(samples.subject_ids.tolist())),
        "left_out": chosen.left_out,
        "simulated": samples.simulated,
        "loss": run.curve[-1] if run.curve else {},
    }
