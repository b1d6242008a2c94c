"""Stage ``evaluate_nir_vis``: one method on one protocol, beside chance and what it began as."""

from pathlib import Path

from pipeline.evaluation.people import refuse_trained
from pipeline.evaluation.recognition import Embeddings, chance_rank1, measure_protocol
from pipeline.report.published import published_by
from pipeline.report.recognition import (
    recognition_figure,
    recognition_table,
    write_cmc,
    write_roc,
)
from pipeline.store.protocols import Kind, read_protocol
from stages.run import StageRun, stage_main

TRAINED_BY, PRETRAINED_BY = "train_nir_vis", "pretrain_nir_vis"


def run(stage: StageRun) -> None:
    """Measure one entry of the section."""
    from pipeline.training import embed  # these bring torch
    from pipeline.training.engine.trained import load_trained, pretrained_path, trained_path

    name, params = stage.dataset, stage.entry(stage.params.evaluate_nir_vis)
    method = stage.params.train_nir_vis[params.method]
    stage = stage.on(params.dataset)
    protocol = read_protocol(Path("data", params.dataset, "protocols", params.protocol))
    pretrained = load_trained(pretrained_path(PRETRAINED_BY, method.pretrained))
    probes = stage.source("masks" if params.probes == "masked" else "parts")
    sets = embed.open_tested(stage.source("parts"), probes, protocol, method)
    own = (method.dataset, method.protocol) == (params.dataset, params.protocol)
    datasets = stage.params.datasets
    kept: dict[int, tuple[Embeddings, Embeddings]] = {}
    for number in protocol.folds():
        trained = load_trained(trained_path(TRAINED_BY, params.method, number if own else 1))
        embed.check_fits(trained, params.dataset, protocol.fold(number), sets)
        refuse_trained(trained.subjects, protocol.fold(number), params.dataset, datasets)
        if own or not kept:
            both = embed.embed_trained(method, pretrained, trained, sets)
        kept[number] = both
    measured = {
        row: measure_protocol(protocol, dict.fromkeys(kept, both).__getitem__)
        for row, both in embed.embed_starts(method, pretrained, sets).items()
    }
    measured[embed.TRAINED] = measure_protocol(protocol, kept.__getitem__)
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
    embed.write_embeddings(folder / "embeddings.parquet", kept, sets)
    title = f"{params.method} on {params.dataset} {params.protocol}, {params.probes} probes"
    write_roc(results, stage.report("curves", ".roc.csv"))
    write_cmc(results, stage.report("curves", ".cmc.csv"))
    recognition_figure(title, results, stage.report("figures", ".png"))
    published = published_by(method.kind)
    table = recognition_table(title, protocol.kind, metrics, published, protocol.description)
    stage.report("figures", ".md").write_text(table)
    print(table)


if __name__ == "__main__":
    stage_main("evaluate_nir_vis", run)
