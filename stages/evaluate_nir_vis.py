"""Stage ``evaluate_nir_vis``: a method on a protocol, beside chance and networks as they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import StageError
from pipeline.evaluation.made_probes import asked_of
from pipeline.evaluation.people import refuse_trained
from pipeline.evaluation.recognition import Embeddings, Measured, chance_rank1, measure_protocol
from pipeline.evaluation.wear import by_wear, fits_by_sample
from pipeline.params.evaluate_nir_vis import EvaluateParams
from pipeline.params.train_nir_vis import MethodParams
from pipeline.report.published import published_beside
from pipeline.report.recognition import (
    recognition_figure,
    recognition_table,
    write_cmc,
    write_roc,
)
from pipeline.store.protocols import Kind, Protocol, read_protocol
from stages.run import StageRun, stage_main

if TYPE_CHECKING:
    from pipeline.training.engine.trained import Trained
    from pipeline.training.tested import TestedSets

TRAINED_BY, PRETRAINED_BY = "train_nir_vis", "pretrain_nir_vis"
Both = tuple[Embeddings, Embeddings]


def run(stage: StageRun) -> None:
    """Measure one entry of the section."""
    from pipeline.training import embed  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path

    name, params = stage.dataset, stage.entry(stage.params.evaluate_nir_vis)
    method = stage.params.train_nir_vis[params.method]
    stage = stage.on(params.dataset)
    protocol = read_protocol(Path("data", params.dataset, "protocols", params.protocol))
    protocol = protocol.only(params.folds) if params.folds else protocol
    folders = stage.source(params.gallery_rows), stage.source(params.rows)
    if params.probes_chosen:
        protocol = asked_of(protocol, *folders)
    sets = embed.open_tested(*folders, protocol, method)
    pretrained = load_trained(network_path(PRETRAINED_BY, method.pretrained))
    kept = trained_embeddings(stage, params, pretrained, protocol, sets)
    measured = dict(zero_shot(stage, params, protocol, method))
    starts = embed.embed_starts(method, pretrained, sets, flip=params.flip_test)
    measured |= {row: _measured(protocol, both) for row, both in starts.items()}
    measured[embed.TRAINED] = measure_protocol(protocol, kept.__getitem__)
    folder = Path("data", params.dataset, stage.stage, name)
    embed.write_embeddings(folder / "embeddings.parquet", kept, sets)
    metrics = measured[embed.TRAINED].metrics | {
        **{row: found.metrics for row, found in measured.items() if row != embed.TRAINED},
        "simulated": any(each.samples.simulated for each in sets),
    }
    if params.rows == "masks":
        fits = fits_by_sample(stage.source("masks"))
        apart = by_wear(protocol, fits, kept.__getitem__)
        metrics |= {name: found.metrics for name, found in apart}
    if protocol.kind == Kind.RECOGNITION:
        rank1 = chance_rank1(protocol.fold(protocol.folds()[0]))
        metrics["chance"] = {"rank1": {"value": round(rank1, 4)}}
    stage.write_metrics(metrics)
    show(stage, params, method, protocol, measured, metrics)


def trained_embeddings(
    stage: StageRun,
    params: EvaluateParams,
    pretrained: "Trained",
    protocol: Protocol,
    sets: "TestedSets",
) -> dict[int, Both]:
    """Return what each fold's network embeds; on another protocol, what the first fold's does.

    Raises:
        StageError: the method is not trained on a fold, or a network is missing, was trained on
            people of its fold, or on faces that are aligned otherwise.
    """
    from pipeline.training import embed
    from pipeline.training.engine.trained import load_trained, network_path

    method = stage.params.train_nir_vis[params.method]
    own = (method.dataset, method.protocol) == (params.dataset, params.protocol)
    first = method.folds[0] if method.folds else 1
    # what an earlier training left of other folds lies beside them, and is none of these params
    others = sorted(set(protocol.folds()) - set(method.folds or protocol.folds()))
    if own and others:
        raise StageError(
            f"{params.method} is trained on the folds {list(method.folds or ())} of "
            f"{params.protocol} alone: expected no others to be tested, found {others}; set "
            "`folds` of the evaluation alike, or take it from the method to train on all"
        )
    kept: dict[int, Both] = {}
    for number in protocol.folds():
        trained = load_trained(network_path(TRAINED_BY, params.method, number if own else first))
        refuse_trained(trained, protocol.fold(number), params.dataset, stage.params.datasets)
        embed.check_aligned(trained, sets)
        if own or not kept:
            both = embed.embed_trained(method, pretrained, trained, sets, flip=params.flip_test)
        kept[number] = both
    return kept


def zero_shot(
    stage: StageRun, params: EvaluateParams, protocol: Protocol, method: MethodParams
) -> Iterator[tuple[str, Measured]]:
    """Yield what networks as they are reach: SFace, and the user's own if there is one."""
    from pipeline.training import zero_shot as networks

    folders = stage.source(params.gallery_rows), stage.source(params.rows)
    sets = networks.open_faces(*folders, protocol, method.image_budget_mb)
    chosen = {"sface": networks.by_sface(stage.weight("sface"), method.device)}
    if own := params.network:
        file = stage.file(Path(own.path), own.sha256)
        chosen["network"] = networks.by_file(file, own, method.device)
    for row, network in chosen.items():
        both = networks.embed_zero_shot(network, sets, flip=params.flip_test)
        yield row, _measured(protocol, both)


def show(
    stage: StageRun,
    params: EvaluateParams,
    method: MethodParams,
    protocol: Protocol,
    measured: dict[str, Measured],
    metrics: dict[str, Any],
) -> None:
    """Write curves, figure and table, and print the table."""
    results = {row: found.folds for row, found in measured.items()}
    title = f"{params.method} on {params.dataset} {params.protocol}, rows of {params.rows}"
    write_roc(results, stage.report("curves", ".roc.csv"))
    write_cmc(results, stage.report("curves", ".cmc.csv"))
    recognition_figure(title, results, stage.report("figures", ".png"))
    published = published_beside(method.kind)
    table = recognition_table(title, protocol, metrics, published)
    stage.report("figures", ".md").write_text(table, encoding="utf-8")
    print(table)


def _measured(protocol: Protocol, both: Both) -> Measured:
    return measure_protocol(protocol, lambda _: both)


if __name__ == "__main__":
    stage_main("evaluate_nir_vis", run)
