"""Stage ``evaluate_nir_vis``: a training on a protocol, beside chance and networks as they are."""

from typing import TYPE_CHECKING

from pipeline.evaluation.made_probes import asked_of
from pipeline.evaluation.outcomes import write_rows
from pipeline.evaluation.wear import by_wear, fits_by_sample
from pipeline.report.hardest import hardest_sheet
from pipeline.report.published import published_beside
from pipeline.report.recognition import write_recognition
from stages.run import StageRun, stage_main

if TYPE_CHECKING:
    from pipeline.training.engine.trained import Trained

TRAINED_BY, PRETRAINED_BY = "train_nir_vis", "pretrain_nir_vis"


def run(stage: StageRun) -> None:
    """Measure one entry of the section."""
    from pipeline.training import embed_faces, zero_shot  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path
    from pipeline.training.evaluate_faces import FaceTest
    from pipeline.training.face_folds import folds_tested
    from pipeline.training.tested import TRAINED

    params = stage.entry(stage.params.evaluate_nir_vis)
    training = stage.params.train_nir_vis[params.training]
    stage = stage.on(params.dataset)
    protocol = stage.protocol(params.protocol, params.folds)
    folders = stage.source(params.gallery_rows), stage.source(params.rows)
    if params.probes_chosen:
        protocol = asked_of(protocol, *folders, params.generator)
    sets = embed_faces.open_tested(*folders, protocol, training)

    def of_fold(fold: int) -> "Trained":
        return load_trained(network_path(TRAINED_BY, params.training, fold))

    pretrained = load_trained(network_path(PRETRAINED_BY, training.pretrained))
    test = FaceTest(training, pretrained, protocol, sets, flip=params.flip_test)
    folds = folds_tested(protocol, params, training)
    trained = test.embedded(of_fold, folds, params.dataset, stage.params.datasets)
    sface, device = stage.weight("sface"), training.device
    networks = zero_shot.as_they_are(sface, params.network, stage.file, device)
    faces = zero_shot.open_faces(*folders, protocol, training.image_budget_mb)
    as_they_are = zero_shot.embed_zero_shot(networks, faces, flip=params.flip_test)
    rows = test.rows(trained, as_they_are)
    results, metrics = test.measured(rows)
    if params.rows == "masks":
        fits = fits_by_sample(stage.source("masks"))
        apart = by_wear(protocol, fits, trained.__getitem__)
        metrics |= {name: found.metrics for name, found in apart}
    stage.write_metrics(metrics)
    embed_faces.write_embeddings(stage.folder / "embeddings.parquet", trained, sets)
    write_rows(stage.folder / "outcomes", protocol, rows, training.seed)
    title = f"{params.training} on {params.dataset} {params.protocol}, rows of {params.rows}"
    sheet, best = stage.report("contact", ".png"), results[TRAINED][0].best
    hardest_sheet(title, protocol, trained, best, sets, sheet)
    beside = published_beside(training.kind)
    print(write_recognition(title, protocol, results, metrics, beside, stage.report))


if __name__ == "__main__":
    stage_main("evaluate_nir_vis", run)
