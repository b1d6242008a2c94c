"""Stage ``train_bodies``: trains one recogniser of people in several bands, fold by fold."""

from pipeline.params.whole import Params
from pipeline.report.hard_pairs import write_hard_pairs
from pipeline.report.losses import loss_figure, tell_training, write_curve
from pipeline.store.locks import locked
from stages.run import StageRun, stage_main

PRETRAINED_BY = "pretrain_bodies"


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code a training depends on: engine, method, backbone."""
    from pipeline.training.backbones import MODULES  # these bring torch
    from pipeline.training.methods import METHODS

    chosen = params.train_bodies[item]
    start = params.pretrain_bodies[chosen.pretrained]
    face = (MODULES[start.backbone],) if start.kind == "adaface" else ()
    return "pipeline.training.engine.loop", METHODS[chosen.kind], *face


def run(stage: StageRun) -> None:
    """Train one method of the section on each fold's own table ``train``."""
    from pipeline.training import bodies  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path
    from pipeline.training.people_folds import folds_of, networks_of, training_ids

    name, params = stage.dataset, stage.entry(stage.params.train_bodies)
    stage = stage.on(params.dataset)
    protocols = [stage.protocol(each) for each in params.protocols]
    folds = networks_of(protocols, folds_of(protocols))
    numbers = sorted(set(folds.values()))
    crops = stage.source("crop_bodies")  # of all folds, before any trains
    opened = {n: bodies.open_chosen(params, crops, training_ids(protocols, n)) for n in numbers}
    path = network_path(PRETRAINED_BY, params.pretrained)
    pretrained = load_trained(stage.trained(path))
    key = stage.key({f"{stage.stage}.{name}": params}, code_of(stage.params, name))
    curves, metrics, runs = [], {}, {}
    for number in numbers:
        chosen = opened.pop(number)  # what it decodes is let go of with it
        path = network_path(stage.stage, name, number)
        label = f"{stage.label} fold {number}" if len(numbers) > 1 else stage.label
        with locked(path.parent):
            run = bodies.train_people(
                label,
                bodies.method_of(params, pretrained),
                chosen,
                pretrained,
                key=key.fingerprint(chosen.samples.digest),
                path=path,
            )
        tell_training(label, run.curve, run.seconds, path)
        curves += [{"fold": number} | point for point in run.curve]
        metrics[f"fold_{number}"] = bodies.described(chosen, run)
        runs[f"fold_{number}"] = run.times()
    stage.write_metrics({"steps": params.steps, **metrics})
    stage.write_run(runs)
    write_curve(curves, stage.report("curves", ".csv"))
    write_hard_pairs(curves, stage.report("curves", ".hard_pairs.csv"))
    loss_figure(curves, stage.report("figures", ".png"))
    stage.tell_reports()


if __name__ == "__main__":
    stage_main("train_bodies", run)
