"""``crossband export-model``: a trained recogniser as safetensors and ONNX."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.projects import PARAMS, project_file
from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from pipeline.training.engine.trained import Trained


def export_model(
    training: Annotated[
        str, typer.Argument(help="its stage: train_nir_vis@hsst, pretrain_nir_vis@lightcnn9, …")
    ],
    to: Annotated[Path, typer.Option(help="folder to make")],
    fold: Annotated[int, typer.Option(min=1, help="which fold, if the training has several")] = 1,
    overwrite: Annotated[
        bool, typer.Option(help="write into a folder that holds other files; these stay")
    ] = False,
) -> None:
    """Write a trained network as safetensors and ONNX with a model card.

    It fails unless ONNX Runtime and torch give the same embeddings.
    """
    section, name, params = params_of_training(training)
    from pipeline.exporters.manifest import revision
    from pipeline.params.installed import installed_version
    from pipeline.training import portable  # this brings torch
    from pipeline.training.origin import origin_of
    from pipeline.weights import load_registry

    trained = network_of(section, name, fold)
    if section.startswith("pretrain_"):
        leaving = portable.portable_backbone(trained)
    else:
        leaving = portable.portable_method(trained, params)
    origin = origin_of(
        section,
        trained,
        load_registry(project_file("weights.yaml")),
        revision=revision(),
        crossband=installed_version(),
    )
    files = portable.write_portable(
        leaving, to, measured=_measured(section, name), origin=origin, overwrite=overwrite
    )
    for file in files:
        print(file)


def params_of_training(training: str) -> tuple[str, str, Any]:
    """Look a training up that a command names as its stage.

    Returns:
        Its section of ``params.yaml``, its name there, and its params.

    Raises:
        ParamsError: the project has none of that name.
    """
    from pipeline.params.load import load_params

    section, _, name = training.partition("@")
    entries = getattr(load_params(project_file(str(PARAMS))), section, None)
    if not section.startswith(("train_", "pretrain_")) or not isinstance(entries, dict):
        raise ParamsError(f"{training!r}: expected a training, such as train_nir_vis@<name>")
    if name not in entries:
        raise ParamsError(f"{name!r} is none of {section}'s {list(entries)} in {PARAMS}")
    return section, name, entries[name]


def network_of(section: str, name: str, fold: int) -> "Trained":
    """Load what a training left.

    Args:
        section: of ``params.yaml``.
        name: of the training there.
        fold: from 1 on; of no matter to a training on no protocol's folds.

    Raises:
        StageError: it has not run.
    """
    from pipeline.training.engine.trained import load_trained, network_path

    folds = not section.startswith("pretrain_") and section != "train_dmfr"
    return load_trained(network_path(section, name, fold if folds else None))


def _measured(section: str, name: str) -> dict[str, Any]:
    """Return the summaries of a method's evaluations that were run, by their names."""
    from pipeline.params.load import load_params

    stage = section.replace("train_", "evaluate_", 1)
    evaluations = getattr(load_params(PARAMS), stage, {})
    found = {}
    for evaluation, params in evaluations.items():
        path = Path("reports/summary", params.dataset, stage, f"{evaluation}.json")
        if params.training == name and path.is_file():
            found[evaluation] = json.loads(path.read_text(encoding="utf-8"))
    return found
