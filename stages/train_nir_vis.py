"""Stage ``train_nir_vis``: trains one method on faces in two bands, fold by fold."""

from pipeline.params.whole import Params
from pipeline.report.losses import loss_figure, tell_training, write_curve
from pipeline.store.locks import locked
from stages.run import StageRun, stage_main

PRETRAINED_BY = "pretrain_nir_vis"


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code a training depends on: engine, method, backbone."""
    from pipeline.training.backbones import MODULES  # these bring torch
    from pipeline.training.methods import METHODS

    chosen = params.train_nir_vis[item]
    backbone = params.pretrain_nir_vis[chosen.pretrained].backbone
    return "pipeline.training.engine.loop", METHODS[chosen.kind], MODULES[backbone]


def run(stage: StageRun) -> None:
    """Train one method of the section on each fold's own table ``train``."""
    from pipeline.training import aligned, train  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path
    from pipeline.training.face_folds import check_tests

    name, params = stage.dataset, stage.entry(stage.params.train_nir_vis)
    stage = stage.on(params.dataset)
    protocol = stage.protocol(params.protocol, params.folds)
    check_tests(name, params, stage.params.evaluate_nir_vis, stage.protocol)
    wanted: set[str] = {"parts", params.second_rows}
    folders = {source: stage.source(source) for source in sorted(wanted)}
    opened = train.open_folds(params, folders, protocol)
    path = network_path(PRETRAINED_BY, params.pretrained)
    pretrained = load_trained(stage.trained(path))
    key = stage.key({f"{stage.stage}.{name}": params}, code_of(stage.params, name))
    curves, metrics, runs = [], {}, {}
    numbers = protocol.folds()
    for number in numbers:
        samples = opened.pop(number)  # what it decodes is let go of with it
        path = network_path(stage.stage, name, number)
        label = f"{stage.label} fold {number}" if len(numbers) > 1 else stage.label
        with locked(path.parent):
            run = train.train_method(
                label,
                params,
                pretrained,
                samples,
                key=key.fingerprint(samples.digest),
                path=path,
            )
        tell_training(label, run.curve, run.seconds, path)
        curves += [{"fold": number} | point for point in run.curve]
        metrics[f"fold_{number}"] = aligned.described(samples, run)
        runs[f"fold_{number}"] = run.times()
    stage.write_metrics({"steps": params.steps, **metrics})
    stage.write_run(runs)
    write_curve(curves, stage.report("curves", ".csv"))
    loss_figure(curves, stage.report("figures", ".png"))
    stage.tell_reports()


if __name__ == "__main__":
    stage_main("train_nir_vis", run)
