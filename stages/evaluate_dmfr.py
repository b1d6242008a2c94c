"""Stage ``evaluate_dmfr``: one method on one protocol, beside chance and what it began as."""

from pathlib import Path

from pipeline.evaluation.made_probes import asked_of
from pipeline.evaluation.people import refuse_trained
from pipeline.evaluation.recognition import Embeddings, chance_rank1, measure_protocol
from pipeline.params.evaluate_dmfr import EvaluateDmfrParams
from pipeline.params.training import RecogniserParams
from pipeline.report.published import published_by
from pipeline.report.recognition import (
    recognition_figure,
    recognition_table,
    write_cmc,
    write_roc,
)
from pipeline.store.protocols import Kind, Protocol, read_protocol
from pipeline.store.shards import ShardFolder
from stages.run import StageRun, stage_main

TRAINED_BY, PRETRAINED_BY = "train_dmfr", "pretrain_nir_vis"


def run(stage: StageRun) -> None:
    """Measure one entry of the section."""
    from pipeline.training import dmfr, embed  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path

    name, params = stage.dataset, stage.entry(stage.params.evaluate_dmfr)
    method = stage.params.train_dmfr[params.method]
    stage = stage.on(params.dataset)
    protocol = read_protocol(Path("data", params.dataset, "protocols", params.protocol))
    protocol = protocol.only(params.folds) if params.folds else protocol
    pretrained = load_trained(network_path(PRETRAINED_BY, method.pretrained))
    trained = load_trained(network_path(TRAINED_BY, params.method))
    dmfr.check_variant(trained, method)
    made = stage.source(params.rows) if params.made else None
    real = stage.source(dmfr.REAL_STAGE)
    if made is not None:
        protocol = asked_of(protocol, real, made, params.probes)
    sets = dmfr.open_tested(real, made, protocol, method, params.probes)
    for number in protocol.folds():
        refuse_trained(trained, protocol.fold(number), params.dataset, stage.params.datasets)
    embed.check_aligned(trained, sets)
    rows = zero_shot(stage, params, protocol, (real, made), method)
    rows |= embed.embed_starts(method, pretrained, sets, flip=params.flip_test)
    rows[embed.TRAINED] = embed.embed_trained(
        method, pretrained, trained, sets, flip=params.flip_test
    )
    measured = {
        row: measure_protocol(protocol, dict.fromkeys(protocol.folds(), both).__getitem__)
        for row, both in rows.items()
    }
    results = {row: found.folds for row, found in measured.items()}
    metrics = measured[embed.TRAINED].metrics | {
        **{row: found.metrics for row, found in measured.items() if row != embed.TRAINED},
        "simulated": any(each.samples.simulated for each in sets),
    }
    if protocol.kind == Kind.RECOGNITION:
        rank1 = chance_rank1(protocol.fold(protocol.folds()[0]))
        metrics["chance"] = {"rank1": {"value": round(rank1, 4)}}
    stage.write_metrics(metrics)
    folder = Path("data", params.dataset, stage.stage, name)
    kept = dict.fromkeys(protocol.folds(), rows[embed.TRAINED])
    embed.write_embeddings(folder / "embeddings.parquet", kept, sets)
    title = f"{params.method} on {params.dataset} {params.protocol}, {params.probes} probes"
    write_roc(results, stage.report("curves", ".roc.csv"))
    write_cmc(results, stage.report("curves", ".cmc.csv"))
    recognition_figure(title, results, stage.report("figures", ".png"))
    published = published_by("dmfr")
    table = recognition_table(title, protocol, metrics, published)
    stage.report("figures", ".md").write_text(table, encoding="utf-8")
    print(table)


def zero_shot(
    stage: StageRun,
    params: EvaluateDmfrParams,
    protocol: Protocol,
    folders: tuple[ShardFolder, ShardFolder | None],
    method: RecogniserParams,
) -> dict[str, tuple[Embeddings, Embeddings]]:
    """Return what networks as they are embed: SFace, and the user's own if there is one."""
    from pipeline.training import zero_shot as networks

    sets = networks.open_made(*folders, protocol, params.probes, method.image_budget_mb)
    chosen = {"sface": networks.by_sface(stage.weight("sface"), method.device)}
    if own := params.network:
        file = stage.file(Path(own.path), own.sha256)
        chosen["network"] = networks.by_file(file, own, method.device)
    return {
        row: networks.embed_zero_shot(network, sets, flip=params.flip_test)
        for row, network in chosen.items()
    }


if __name__ == "__main__":
    stage_main("evaluate_dmfr", run)
