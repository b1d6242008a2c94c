"""Stage ``analyse_modality``: how far networks tell synthetic faces, before and after trainings."""

from typing import TYPE_CHECKING

from pipeline.params.whole import Params
from pipeline.report.analyse_modality import curves_figure, read_curve, write_modality
from stages.run import StageRun, stage_main

if TYPE_CHECKING:
    from pipeline.training.engine.trained import Trained

TRAINED_BY, PRETRAINED_BY = "train_dmfr", "pretrain_nir_vis"


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code the decoders depend on."""
    return "pipeline.training.engine.loop", "pipeline.training.modality_drawings"


def run(stage: StageRun) -> None:
    """Measure the trainings of a data set."""
    from pipeline.training import dmfr, modality_drawings  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path
    from pipeline.training.modality import ModalityTest

    params, datasets = stage.entry(stage.params.analyse_modality), stage.params.datasets
    trainings = {name: stage.params.train_dmfr[name] for name in params.trainings}
    first = next(iter(trainings.values()))
    folders = {name: stage.source(name) for name in ("attributes", "degrade", "poses")}
    samples = dmfr.open_held_out(first, folders, params.faces, params.seed)
    pretrained = load_trained(stage.trained(network_path(PRETRAINED_BY, first.pretrained)))
    paths = {name: stage.trained(network_path(TRAINED_BY, name)) for name in trainings}

    def trained(name: str) -> "Trained":
        return load_trained(paths[name])

    test = ModalityTest.of(params, trainings, pretrained, trained, samples, datasets)
    modality_drawings.write_features(stage.folder / "features.parquet", test.held, test.features)
    metrics = test.measured()
    key = stage.key({stage.stage: params}, code_of(stage.params, stage.dataset))
    drawn = modality_drawings.drawn_by_all(stage.label, test, folders, key=key, folder=stage.folder)
    metrics |= {"decoders": drawn.errors, "simulated": samples.simulated}
    stage.write_metrics(metrics)
    images, moved = modality_drawings.turned(test.held), test.moved()
    print(write_modality(stage.label, metrics, drawn.columns, images, moved, stage.report))
    curves = {name: read_curve(path.with_name("curve.csv")) for name, path in paths.items()}
    curves_figure(curves, stage.report("figures", ".curves.png"))


if __name__ == "__main__":
    stage_main("analyse_modality", run)
