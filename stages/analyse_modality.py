"""Stage ``analyse_modality``: how far networks tell synthetic faces, before and after trainings."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.params.whole import Params
from pipeline.report.analyse_modality import (
    curves_figure,
    modality_figure,
    modality_table,
    read_curve,
)
from pipeline.report.train_degrader import comparison_sheet
from pipeline.store.whole import write_whole
from pipeline.types import Float32, UInt8
from stages.run import StageRun, stage_main

if TYPE_CHECKING:
    from pipeline.training.modality import HeldOut

TRAINED_BY, PRETRAINED_BY = "train_dmfr", "pretrain_nir_vis"
BEFORE = "before"


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code the decoders depend on."""
    return "pipeline.training.engine.loop", "pipeline.training.modality_drawings"


def run(stage: StageRun) -> None:
    """Measure the trainings of a data set."""
    from pipeline.training import dmfr, modality, modality_drawings  # these bring torch
    from pipeline.training.embedders import embed_by_backbone, embed_samples
    from pipeline.training.engine.trained import load_trained, network_path

    params = stage.entry(stage.params.analyse_modality)
    trainings = {name: stage.params.train_dmfr[name] for name in params.trainings}
    first = next(iter(trainings.values()))
    folders = {name: stage.source(name) for name in ("attributes", "degrade", "poses")}
    samples = dmfr.open_held_out(first, folders, params.faces, params.seed)
    held = modality.HeldOut.of(samples, first)
    pretrained = load_trained(stage.trained(network_path(PRETRAINED_BY, first.pretrained)))
    paths = {name: stage.trained(network_path(TRAINED_BY, name)) for name in trainings}
    methods = {
        name: modality.load_method(
            trainings[name], pretrained, load_trained(path), samples, stage.params.datasets
        )
        for name, path in paths.items()
    }
    features = {BEFORE: embed_by_backbone(first, pretrained, samples)}
    features |= {name: embed_samples(each, samples) for name, each in methods.items()}
    modality_drawings.write_features(stage.folder / "features.parquet", held, features)
    metrics = modality.compared(params, held, features)
    metrics |= {"table_1": {}, "decoders": {}, "simulated": samples.simulated}
    key = stage.key({stage.stage: params}, code_of(stage.params, stage.dataset))
    sheet: dict[str, list[UInt8]] = {}
    for name, method in methods.items():
        found = modality.table_1(method, held, features[name])
        metrics["table_1"] = beside(metrics["table_1"], found, name)
        drawn = modality_drawings.drawn(
            f"{stage.label} {name}",
            params,
            method,
            partial(dmfr.open_training_samples, trainings[name], folders),
            samples,
            key=key,
            path=stage.folder / f"{name}-decoders.pt",
        )
        if drawn:
            sheet = beside(sheet, drawn.columns, name)
            metrics["decoders"] = beside(metrics["decoders"], drawn.errors, name)
    stage.write_metrics(metrics)
    show(stage, metrics, sheet, held, features)
    curves = {name: read_curve(path.with_name("curve.csv")) for name, path in paths.items()}
    curves_figure(curves, stage.report("figures", ".curves.png"))


def show(
    stage: StageRun,
    metrics: Mapping[str, Any],
    sheet: Mapping[str, Sequence[UInt8]],
    held: "HeldOut",
    features: Mapping[str, Float32],
) -> None:
    """Write what was measured: a sheet of what decoders drew, the paper's figure 5, a table."""
    from pipeline.training import modality, modality_drawings  # these bring torch

    comparison_sheet(
        f"{stage.label}: faces, and what a decoder draws from each part of their features",
        sheet,
        stage.report("contact", ".png"),
        simulated=metrics["simulated"],
    )
    moved = {name: modality.changes_by_yaw(held, each) for name, each in features.items()}
    modality_figure(modality_drawings.turned(held), moved, stage.report("figures", ".png"))
    table = modality_table(metrics)
    write_whole(stage.report("figures", ".md"), table)
    print(table)


def beside(kept: Mapping[str, Any], found: Mapping[str, Any], training: str) -> dict[str, Any]:
    """Return both; what a former training has under the same name gets this one's beside it."""
    named = {key if key not in kept else f"{key}, {training}": found[key] for key in found}
    return {**kept, **named}


if __name__ == "__main__":
    stage_main("analyse_modality", run)
