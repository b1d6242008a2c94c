"""Stage ``pretrain_nir_vis``: trains a backbone on visible faces, or loads a checkpoint."""

from pathlib import Path
from typing import Any

from pipeline.params.whole import Params
from pipeline.report.losses import loss_figure, tell_training, write_curve
from pipeline.store.locks import locked
from stages.run import StageRun, stage_main


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code a pretraining depends on: engine, method, backbone, loader."""
    from pipeline.training.backbones import MODULES  # brings torch

    chosen = params.pretrain_nir_vis[item]
    method, backbone = "pipeline.training.methods.pretrain", MODULES[chosen.backbone]
    loads = ("models.backbones.checkpoints",) if chosen.checkpoint else ()
    return "pipeline.training.engine.loop", method, backbone, *loads


def run(stage: StageRun) -> None:
    """Train, or load, one backbone of the section."""
    from models.backbones.checkpoints import load_backbone  # these bring torch
    from pipeline.training import aligned, pretrain
    from pipeline.training.engine.trained import network_path
    from pipeline.training.methods.pretrain import Pretraining

    name, params = stage.dataset, stage.entry(stage.params.pretrain_nir_vis)
    stage = stage.on(params.dataset)
    path = network_path(stage.stage, name)
    samples = pretrain.open_pretraining_samples(params, stage.source("attributes"))
    method = Pretraining.seeded(params, params.backbone, samples.hw)
    matched = None
    if params.checkpoint is not None:
        file = stage.file(Path(params.checkpoint.path), params.checkpoint.sha256)
        matched = str(load_backbone(method.network, file))
        print(f"{stage.label}: {matched}")
    metrics: dict[str, Any] = {"steps": params.steps, "checkpoint": matched}
    depends = stage.key({f"{stage.stage}.{name}": params}, code_of(stage.params, name))
    key = depends.digest.hex()
    if params.steps:
        key = depends.fingerprint(samples.digest)
    with locked(path.parent):
        run = pretrain.pretrain_backbone(
            stage.label,
            method,
            samples,
            key=key,
            path=path,
        )
    if params.steps:
        metrics |= aligned.described(samples, run)
    stage.write_metrics(metrics)
    stage.write_run(run.times())
    tell_training(stage.label, run.curve, run.seconds, path)
    write_curve(run.curve, stage.report("curves", ".csv"))
    loss_figure(run.curve, stage.report("figures", ".png"))
    stage.tell_reports()


if __name__ == "__main__":
    stage_main("pretrain_nir_vis", run)
