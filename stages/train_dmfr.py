"""Stage ``train_dmfr``: trains one method on real faces and on synthetic ones."""

from pipeline.params.whole import Params
from pipeline.report.losses import loss_figure, tell_training, write_curve
from pipeline.store.locks import locked
from stages.run import StageRun, stage_main

PRETRAINED_BY = "pretrain_nir_vis"


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code a training depends on: engine, method, backbone."""
    from pipeline.training.backbones import MODULES  # these bring torch
    from pipeline.training.methods import METHODS

    chosen = params.train_dmfr[item]
    backbone = params.pretrain_nir_vis[chosen.pretrained].backbone
    return "pipeline.training.engine.loop", METHODS[chosen.kind], MODULES[backbone]


def run(stage: StageRun) -> None:
    """Train one method of the section on the train split."""
    from pipeline.training import aligned, dmfr, train  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path

    name, params = stage.dataset, stage.entry(stage.params.train_dmfr)
    stage = stage.on(params.dataset)
    pretrained = load_trained(stage.trained(network_path(PRETRAINED_BY, params.pretrained)))
    folders = {source: stage.source(source) for source in dmfr.stages_read(params)}
    samples = dmfr.open_training_samples(params, folders)
    key = stage.key({f"{stage.stage}.{name}": params}, code_of(stage.params, name))
    path = network_path(stage.stage, name)
    with locked(path.parent):
        run = train.train_method(
            stage.label,
            params,
            pretrained,
            samples,
            key=key.fingerprint(samples.digest),
            path=path,
        )
        write_curve(run.curve, path.with_name("curve.csv"))
    domains = dmfr.domain_metrics(params, samples)
    stage.write_metrics({"steps": params.steps, **aligned.described(samples, run), **domains})
    stage.write_run(run.times())
    tell_training(stage.label, run.curve, run.seconds, path)
    write_curve(run.curve, stage.report("curves", ".csv"))
    loss_figure(run.curve, stage.report("figures", ".png"))
    stage.tell_reports()


if __name__ == "__main__":
    stage_main("train_dmfr", run)
