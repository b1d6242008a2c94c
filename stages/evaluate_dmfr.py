"""Stage ``evaluate_dmfr``: one training on one protocol, beside chance and what it began as."""

from pipeline.evaluation.made_probes import asked_of
from pipeline.evaluation.people import refuse_trained
from pipeline.evaluation.recognition import Embeddings, measure_rows
from pipeline.params.evaluate_dmfr import EvaluateDmfrParams
from pipeline.params.training import RecogniserParams
from pipeline.report.hardest import hardest_sheet
from pipeline.report.published import published_by
from pipeline.report.recognition import write_recognition
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from stages.run import StageRun, stage_main

TRAINED_BY, PRETRAINED_BY = "train_dmfr", "pretrain_nir_vis"


def run(stage: StageRun) -> None:
    """Measure one entry of the section."""
    from pipeline.training import dmfr, embed  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path

    params = stage.entry(stage.params.evaluate_dmfr)
    training = stage.params.train_dmfr[params.training]
    stage = stage.on(params.dataset)
    protocol = stage.protocol(params.protocol, params.folds)
    pretrained = load_trained(network_path(PRETRAINED_BY, training.pretrained))
    trained = load_trained(network_path(TRAINED_BY, params.training))
    dmfr.check_variant(trained, training)
    made = stage.source(params.rows) if params.made else None
    real = stage.source(dmfr.REAL_STAGE)
    if made is not None:
        protocol = asked_of(protocol, real, made, params.probes)
    sets = dmfr.open_tested(real, made, protocol, training, params.probes)
    for number in protocol.folds():
        refuse_trained(trained, protocol.fold(number), params.dataset, stage.params.datasets)
    embed.check_aligned(trained, sets)
    same = zero_shot(stage, params, protocol, (real, made), training)
    same |= embed.embed_starts(training, pretrained, sets, flip=params.flip_test)
    same[embed.TRAINED] = embed.embed_trained(
        training, pretrained, trained, sets, flip=params.flip_test
    )
    rows = {row: dict.fromkeys(protocol.folds(), both) for row, both in same.items()}
    results, metrics = measure_rows(protocol, rows, embed.TRAINED)
    metrics["simulated"] = any(each.samples.simulated for each in sets)
    stage.write_metrics(metrics)
    embed.write_embeddings(stage.folder / "embeddings.parquet", rows[embed.TRAINED], sets)
    title = f"{params.training} on {params.dataset} {params.protocol}, {params.probes} probes"
    beside = published_by("dmfr")
    sheet = stage.report("contact", ".png")
    hardest_sheet(title, protocol, rows[embed.TRAINED], sets, sheet)
    print(write_recognition(title, protocol, results, metrics, beside, stage.report))


def zero_shot(
    stage: StageRun,
    params: EvaluateDmfrParams,
    protocol: Protocol,
    folders: tuple[ShardFolder, ShardFolder | None],
    training: RecogniserParams,
) -> dict[str, tuple[Embeddings, Embeddings]]:
    """Return what networks as they are embed: SFace, and the user's own if there is one."""
    from pipeline.training import zero_shot as networks

    sets = networks.open_made(*folders, protocol, params.probes, training.image_budget_mb)
    sface = stage.weight("sface")
    chosen = networks.as_they_are(sface, params.network, stage.file, training.device)
    return networks.embed_zero_shot(chosen, sets, flip=params.flip_test)


if __name__ == "__main__":
    stage_main("evaluate_dmfr", run)
