"""Stage ``evaluate``: one method on one protocol, beside chance, no training and its start."""

from pathlib import Path

from pipeline.errors import ParamsError
from pipeline.evaluation.recognition import Recognition, chance_rank1, over_folds, recognise
from pipeline.report.evaluate import recognition_figure, recognition_table, write_cmc, write_roc
from pipeline.report.published import published_by
from pipeline.store.protocols import read_protocol
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Measure one entry of the section ``evaluate``."""
    from pipeline.training import evaluating  # these bring torch
    from pipeline.training.trained import load_trained, pretrained_path, trained_path

    name = stage.dataset
    if name not in stage.params.evaluate:
        raise ParamsError(
            f"{name!r} is none of evaluate's {list(stage.params.evaluate)}: add it to params.yaml"
        )
    params = stage.params.evaluate[name]
    method = stage.params.methods[params.method]
    stage = stage.on(params.dataset)
    protocol = read_protocol(Path("data", params.dataset, "protocols", params.protocol))
    start = load_trained(pretrained_path(method.start))
    sides = evaluating.load_sides(
        stage.source("parts"),
        stage.source("masks" if params.probes == "masked" else "parts"),
        protocol,
        method,
    )
    own = (method.dataset, method.protocol) == (params.dataset, params.protocol)
    results: dict[str, list[Recognition]] = {row: [] for row in evaluating.ROWS}
    starts, kept = evaluating.embed_starts(method, start, sides), {}
    for number in protocol.folds():
        fold = protocol.fold(number)
        trained = load_trained(trained_path(params.method, number if own else 1))
        evaluating.check_fits(trained, params, fold, sides)
        kept[number] = evaluating.embed_trained(method, start, trained, sides)
        for row, both in (starts | {evaluating.TRAINED: kept[number]}).items():
            results[row].append(recognise(fold, *both))
    measured = {row: over_folds([r.metrics for r in found]) for row, found in results.items()}
    metrics = measured.pop(evaluating.TRAINED) | {
        "chance": {"rank1": {"value": round(chance_rank1(protocol.fold(protocol.folds()[0])), 4)}},
        **measured,
        "simulated": any(side.faces.simulated for side in sides),
    }
    stage.write_metrics(metrics)
    folder = Path("data", params.dataset, stage.stage, name)
    evaluating.write_embeddings(folder / "embeddings.parquet", kept, sides)
    title = f"{params.method} on {params.dataset} {params.protocol}, {params.probes} probes"
    write_roc(results, stage.report("curves", ".roc.csv"))
    write_cmc(results, stage.report("curves", ".cmc.csv"))
    recognition_figure(title, results, stage.report("figures", ".png"))
    table = recognition_table(title, metrics, published_by(method.kind), protocol.description)
    stage.report("figures", ".md").write_text(table)
    print(table)


if __name__ == "__main__":
    stage_main("evaluate", run)
