"""From params and rows of ``crop_bodies`` to networks that embed people."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.backbones.checkpoints import load_backbone
from models.bodies.checkpoints import load_person_weights
from models.bodies.semantic_vit import SIZES, Design, SemanticViT
from models.deen.checkpoints import load_deen
from models.deen.network import Deen
from models.deen.network import Design as DeenDesign
from pipeline.errors import StageError
from pipeline.params.body_training import (
    BodyParams,
    DeenParams,
    FaceParams,
    LoraParams,
    PeopleParams,
)
from pipeline.params.load import section_values
from pipeline.params.pretrain_bodies import (
    BodyNetworkParams,
    DeenNetworkParams,
    PretrainBodyParams,
    PretrainDeenParams,
    PretrainFaceParams,
)
from pipeline.params.train_bodies import TrainBodyParams, TrainDeenParams, TrainFaceParams
from pipeline.store.shards import ShardFolder
from pipeline.training.aligned import subjects_of
from pipeline.training.backbones import BACKBONES, make_backbone
from pipeline.training.data.images import HW
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.loop import Run, train
from pipeline.training.engine.trained import Trained, load_weights, save_trained
from pipeline.training.methods.adaface import AdaFace
from pipeline.training.methods.bodies import Bodies
from pipeline.training.methods.deen import DiverseExpansion
from pipeline.training.methods.people import Chosen, PeopleMethod

FACE_BOX = "face_box"
"""What a face that ``crop_bodies`` cut out is aligned by, in place of an alignment template."""

_METHODS: dict[str, type[PeopleMethod]] = {
    "semantic_vit": Bodies,
    "deen": DiverseExpansion,
    "adaface": AdaFace,
}
PretrainPeopleParams = PretrainBodyParams | PretrainDeenParams | PretrainFaceParams
TrainPeopleParams = TrainBodyParams | TrainDeenParams | TrainFaceParams


def open_chosen(params: PeopleParams, folder: ShardFolder, ids: Collection[str]) -> Chosen:
    """Open what a method trains on.

    Raises:
        StageError: nothing is left, or a band lacks samples.
    """
    budget = params.image_budget_mb << 20
    return Chosen.of(_METHODS[params.kind].open(folder, ids, params.bands, budget), params)


def start_of(params: PretrainPeopleParams, hw: HW) -> PeopleMethod:
    """Build the method of a pretraining, its network with seeded weights."""
    if isinstance(params, PretrainFaceParams):
        network = make_backbone(params.backbone, hw, params.seed)
        return AdaFace(params, network, BACKBONES[params.backbone].preprocess)
    if isinstance(params, PretrainDeenParams):
        return _deen(params, params.network)
    return _bodies(params, params.network, hw, None)


def with_checkpoint(method: PeopleMethod, path: Path) -> str:
    """Load a user's checkpoint into a pretraining's network; returns what became of its weights."""
    if isinstance(method, Bodies):
        return str(load_person_weights(method.network, path))
    if isinstance(method, DiverseExpansion):
        return str(load_deen(method.network, path))
    return str(load_backbone(method.network, path))


def method_of(
    params: TrainPeopleParams | PretrainPeopleParams,
    pretrained: Trained,
    *,
    with_weights: bool = True,
) -> PeopleMethod:
    """Build a method on a pretrained network.

    Args:
        params: of the training, or of the pretraining itself.
        pretrained: what it starts from.
        with_weights: whether with its weights; otherwise with seeded ones.
    """
    hw = pretrained.crop_hw[0], pretrained.crop_hw[1]
    if isinstance(params, FaceParams):
        network = make_backbone(pretrained.backbone, hw, params.seed)
        method: PeopleMethod = AdaFace(params, network, BACKBONES[pretrained.backbone].preprocess)
    elif isinstance(params, DeenParams):
        method = _deen(
            params, DeenNetworkParams.model_validate(pretrained.params["network"], strict=False)
        )
    else:
        design = BodyNetworkParams.model_validate(pretrained.params["network"], strict=False)
        lora = params.lora if isinstance(params, TrainBodyParams) else None
        method = _bodies(params, design, hw, lora)
    if with_weights:
        load_people(method.network, pretrained)
    return method


def load_people(network: nn.Module, trained: Trained) -> None:
    """Load a trained network's weights, and with them the neck of bodies, if it has one.

    Raises:
        WeightsError: they are another architecture's.
    """
    if isinstance(network, SemanticViT):
        network.renew_neck(any(name.startswith("neck.") for name in trained.weights))
    load_weights(network, trained)


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
    subjects = set[str]()
    if isinstance(starts, Trained):
        check_cut(samples, starts)
        subjects.update(starts.subjects)
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
        section_values(params),
        key,
        sorted(subjects),
        method.network.state_dict(),
    )
    save_trained(trained, path)
    return run


def backbone_of(params: PretrainPeopleParams) -> str:
    """Return the name of a pretraining's backbone: of bodies, its kind."""
    return params.backbone if isinstance(params, PretrainFaceParams) else params.kind


def cut_of(samples: SampleSet) -> str:
    """Return how samples were cut out: the policy of bodies.

    Raises:
        StageError: they were in several ways.
    """
    if samples.images[0] == "face":
        return FACE_BOX
    found = sorted({str(policy) for policy in samples.column("policy")})
    if len(found) > 1:
        raise StageError(f"crops are made by {' and '.join(found)}: run `crop_bodies` again")
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
            "set crop_bodies alike, or pretrain again"
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


def _deen(params: DeenParams, network: DeenNetworkParams) -> DiverseExpansion:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        built = Deen(DeenDesign(network.depth, network.stages, network.branches))
    return DiverseExpansion(params, built.to(memory_format=torch.channels_last))


def _bodies(
    params: BodyParams, network: BodyNetworkParams, hw: HW, lora: LoraParams | None
) -> Bodies:
    design = Design(
        SIZES[network.vit],
        hw=hw,
        patch_px=network.patch_px,
        local=network.local,
        fusion=network.fusion,
        stem=network.stem,
        drop_path=network.drop_path,
        cameras=len(network.cameras),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        try:
            built = SemanticViT(design)
        except ValueError as error:
            raise StageError(
                f"crops of {hw[0]}×{hw[1]} pixels: {error}; change crop_bodies or network.patch_px"
            ) from error
    return Bodies(params, built, network.cameras, lora)
