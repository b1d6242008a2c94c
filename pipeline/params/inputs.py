"""Whether each stage that ``params.yaml`` asks for reads what another one makes."""

import posixpath
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import ParamsError
from pipeline.params.whole import Params

_FAMILIES = {
    "datasets": ("ingest",),
    "face_datasets": ("detect", "align", "crops", "parse", "parts", "attributes"),
    "synthesis_datasets": ("reconstruct", "masks", "poses", "train_degrader", "degrade"),
    "body_datasets": ("detect_bodies", "label_bodies", "crop_bodies"),
}
_FAMILY = {stage: family for family, stages in _FAMILIES.items() for stage in stages}
"""Section that names the data sets of a stage whose output is rows."""

_READ = {
    "pretrain_nir_vis": "attributes",
    "train_nir_vis": "parts",
    "pretrain_bodies": "crop_bodies",
    "train_bodies": "crop_bodies",
    "evaluate_bodies": "crop_bodies",
    "evaluate_dmfr": "attributes",
}
"""Of sections whose entries name a data set, a stage that they read of it."""


def check_inputs(params: Params, path: Path) -> None:
    """Refuse params by which a stage reads what none makes: DVC tells it when it comes to there.

    Args:
        params: checked.
        path: what to call them in messages.

    Raises:
        ParamsError: one line for each such entry.
    """
    faults = []
    for key, dataset, stage in _inputs(params):
        if stage not in _FAMILY:
            faults.append(f"{key}: {stage!r} makes no rows: expected one of {list(_FAMILY)}")
        elif dataset not in getattr(params, _FAMILY[stage]):
            faults.append(
                f"{key} reads data/{dataset}/{stage}, which no stage makes: add {dataset!r} to "
                f"{_FAMILY[stage]}, or take this entry out"
            )
    if faults:
        raise ParamsError("\n".join(f"{path}: {fault}" for fault in faults))


def _inputs(params: Params) -> Iterator[tuple[str, str, str]]:
    """Yield a key, a data set, and the stage of it whose rows are read."""
    for dataset, protocol in params.protocols.items():
        yield f"protocols.{dataset}.rows", dataset, protocol.rows
    for section, stage in _READ.items():
        for name, entry in getattr(params, section).items():
            yield f"{section}.{name}", entry.dataset, stage
    for name, tested in params.evaluate_nir_vis.items():
        yield f"evaluate_nir_vis.{name}", tested.dataset, tested.rows
    for name, export in params.exports.items():
        match posixpath.normpath(export.source).split("/"):
            case ["data", dataset, stage, *_] if stage in _FAMILY:
                yield f"exports.{name}", dataset, stage
