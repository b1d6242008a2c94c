"""Files of trained networks: weights, and what they were made from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pipeline.errors import StageError, WeightsError
from pipeline.params.training import TRAINED
from pipeline.store.networks import load_network, save_network

FOLDER = Path("data", TRAINED)


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        name: what the training is called in messages: as DVC calls it (``train_nir_vis@pram``),
            with the fold where there are several, or as a row of ablations is called.
        backbone: name in ``training.backbones``; of a network of bodies the kind of its params.
        crop_hw: height and width of the crops that it was trained on.
        template: the alignment template of these; of bodies the policy by which ``crop_bodies`` cut
            them out, of their faces ``face_box``.
        params: the training's section of params, as plain values; of bodies with what the network
            is built as, ``network``, from its pretraining.
        key: fingerprint of params, data, code and weights.
        subjects: ``<data set>/<subject>`` of all who were trained on, the pretraining's included.
        weights: the network's state.
    """

    name: str
    backbone: str
    crop_hw: tuple[int, int]
    template: str
    params: Mapping[str, Any]
    key: str
    subjects: Sequence[str]
    weights: Mapping[str, Tensor]


def network_path(stage: str, name: str, fold: int | None = None) -> Path:
    """Return where a stage leaves a network, or that of a fold, counted from 1."""
    of_fold = () if fold is None else (f"fold-{fold:02d}",)
    return Path(FOLDER, stage, name, *of_fold, "network.pt")


def save_trained(trained: Trained, path: Path) -> None:
    """Write a trained network, whole or not at all."""
    values = asdict(trained)
    values["weights"] = {name: value.cpu() for name, value in trained.weights.items()}
    values["subjects"] = list(trained.subjects)
    save_network(values, path)


def load_trained(path: Path) -> Trained:
    """Read a trained network.

    Raises:
        StageError: the file is missing, damaged, or none that ``save_trained`` wrote.
    """
    if not path.is_file():
        raise StageError(f"{path} is missing: run the stage that trains it (`dvc repro`)")
    try:
        return Trained(**load_network(path))
    except TypeError as error:
        raise StageError(
            f"{path} is not a trained network of this version: train it again"
        ) from error


def load_weights(network: nn.Module, trained: Trained) -> None:
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
