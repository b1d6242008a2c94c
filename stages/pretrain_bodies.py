"""Stage ``pretrain_bodies``: trains what recognisers of people start from, or loads it."""

from pathlib import Path
from typing import Any

from pipeline.params.whole import Params
from pipeline.report.losses import loss_figure, tell_training, write_curve
from pipeline.store.locks import locked
from stages.run import StageRun, stage_main


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code a pretraining depends on: engine, method, backbone, loader."""
    from pipeline.training.backbones import MODULES  # these bring torch
    from pipeline.training.bodies import CHECKPOINTS
    from pipeline.training.methods import METHODS

    chosen = params.pretrain_bodies[item]
    face = (MODULES[chosen.backbone],) if chosen.kind == "adaface" else ()
    loads = (CHECKPOINTS[chosen.kind],) if chosen.checkpoint else ()
    return "pipeline.training.engine.loop", METHODS[chosen.kind], *face, *loads


def run(stage: StageRun) -> None:
    """Train, or load, one network of the section."""
    from pipeline.training import bodies  # these bring torch
    from pipeline.training.engine.trained import network_path
    from pipeline.training.people_folds import folds_of, training_ids

    name, params = stage.dataset, stage.entry(stage.params.pretrain_bodies)
    stage = stage.on(params.dataset)
    protocols = [stage.protocol(each) for each in params.protocols]
    ids = training_ids(protocols, folds_of(protocols)[0])
    chosen = bodies.open_chosen(params, stage.source("crop_bodies"), ids)
    method = bodies.class_of(params).seeded(params, chosen.samples.hw)
    report = None
    if params.checkpoint is not None:
        file = stage.file(Path(params.checkpoint.path), params.checkpoint.sha256)
        report = bodies.with_checkpoint(method, file)
        print(f"{stage.label}: {report}")
    metrics: dict[str, Any] = {"steps": params.steps, "checkpoint": report}
    key = stage.key({f"{stage.stage}.{name}": params}, code_of(stage.params, name))
    path = network_path(stage.stage, name)
    with locked(path.parent):
        run = bodies.train_people(
            stage.label,
            method,
            chosen,
            bodies.backbone_of(params),
            key=key.fingerprint(chosen.samples.digest),
            path=path,
        )
    stage.write_metrics(metrics | bodies.described(chosen, run))
    stage.write_run(run.times())
    tell_training(stage.label, run.curve, run.seconds, path)
    write_curve(run.curve, stage.report("curves", ".csv"))
    loss_figure(run.curve, stage.report("figures", ".png"))
    stage.tell_reports()


if __name__ == "__main__":
    stage_main("pretrain_bodies", run)
