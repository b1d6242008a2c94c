"""Files of trained networks: weights, and what they were made from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import StageError, WeightsError
from pipeline.params.train import TRAINED
from pipeline.training.loop import save_whole

FOLDER = Path("data", TRAINED)


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        name: of the training: a key of ``pretrain`` or ``methods``.
        backbone: name in ``BACKBONES``.
        crop_px: side of the aligned crops that it was trained on.
        template: the alignment template of these.
        params: the training's section of params, as plain values.
        data: fingerprint of params, data, code and weights.
        subjects: ``<data set>/<subject>`` of all who were trained on, the start's included.
        weights: the network's state.
    """

    name: str
    backbone: str
    crop_px: int
    template: str
    params: Mapping[str, Any]
    data: str
    subjects: Sequence[str]
    weights: Mapping[str, Tensor]


def pretrained_path(name: str) -> Path:
    """Return where ``pretrain`` leaves a backbone."""
    return FOLDER / "pretrain" / name / "network.pt"


def trained_path(name: str, fold: int) -> Path:
    """Return where ``train`` leaves the network of a fold, counted from 1."""
    return FOLDER / "train" / name / f"fold-{fold:02d}" / "network.pt"


def save_trained(trained: Trained, path: Path) -> None:
    """Write a trained network, whole or not at all."""
    values = asdict(trained)
    values["weights"] = {name: value.cpu() for name, value in trained.weights.items()}
    values["subjects"] = list(trained.subjects)
    save_whole(values, path)


def load_trained(path: Path) -> Trained:
    """Read a trained network.

    Raises:
        StageError: the file is missing, or none that ``save_trained`` wrote.
    """
    if not path.is_file():
        raise StageError(f"{path} is missing: run the stage that trains it (`dvc repro`)")
    values = torch.load(path, map_location="cpu", weights_only=True)
    try:
        return Trained(**values)
    except TypeError as error:
        raise StageError(f"{path} is no trained network of this version: train it again") from error


def take_up(network: nn.Module, trained: Trained) -> None:
    """Load a trained network's weights strictly.

    Raises:
        WeightsError: they are another architecture's.
    """
    try:
        network.load_state_dict(dict(trained.weights))
    except RuntimeError as error:
        raise WeightsError(
            f"{trained.name} ({trained.backbone}) does not fit {type(network).__name__}: its "
            f"params were changed after the training; train it again. {error}"
        ) from error
