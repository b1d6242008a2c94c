"""Stage ``evaluate_dmfr``: one training on one protocol, beside chance and what it began as."""

from pipeline.evaluation.made_probes import asked_of
from pipeline.evaluation.outcomes import write_rows
from pipeline.report.hardest import hardest_sheet
from pipeline.report.published import published_by
from pipeline.report.recognition import write_recognition
from stages.run import StageRun, stage_main

TRAINED_BY, PRETRAINED_BY = "train_dmfr", "pretrain_nir_vis"


def run(stage: StageRun) -> None:
    """Measure one entry of the section."""
    from pipeline.training import dmfr, embed_faces, zero_shot  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path
    from pipeline.training.evaluate_faces import FaceTest
    from pipeline.training.tested import TRAINED

    params = stage.entry(stage.params.evaluate_dmfr)
    training = stage.params.train_dmfr[params.training]
    stage = stage.on(params.dataset)
    protocol = stage.protocol(params.protocol, params.folds)
    network = load_trained(network_path(TRAINED_BY, params.training))
    dmfr.check_variant(network, training)
    real, probing = stage.source(params.gallery_rows), stage.source(params.rows)
    if params.probes_chosen:
        protocol = asked_of(protocol, real, probing, params.generator)
    made = probing if params.generator else None
    sets = dmfr.open_tested(real, made, protocol, training, params.probes)
    pretrained = load_trained(network_path(PRETRAINED_BY, training.pretrained))
    test = FaceTest(training, pretrained, protocol, sets, flip=params.flip_test)
    folds = dict.fromkeys(protocol.folds(), 1)  # one network tests them all
    trained = test.embedded(lambda _: network, folds, params.dataset, stage.params.datasets)
    sface, device = stage.weight("sface"), training.device
    networks = zero_shot.as_they_are(sface, params.network, stage.file, device)
    budget = training.image_budget_mb
    faces = zero_shot.open_faces(real, probing, protocol, budget, params.generator)
    as_they_are = zero_shot.embed_zero_shot(networks, faces, flip=params.flip_test)
    rows = test.rows(trained, as_they_are)
    results, metrics = test.measured(rows)
    stage.write_metrics(metrics)
    embed_faces.write_embeddings(stage.folder / "embeddings.parquet", trained, sets)
    write_rows(stage.folder / "outcomes", protocol, rows, training.seed)
    title = f"{params.training} on {params.dataset} {params.protocol}, {params.probes} probes"
    sheet, best = stage.report("contact", ".png"), results[TRAINED][0].best
    hardest_sheet(title, protocol, trained, best, sets, sheet)
    beside = published_by("dmfr")
    print(write_recognition(title, protocol, results, metrics, beside, stage.report))


if __name__ == "__main__":
    stage_main("evaluate_dmfr", run)
