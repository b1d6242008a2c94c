"""Stage ``evaluate_nir_vis``: a training on a protocol, beside chance and networks as they are."""

from typing import TYPE_CHECKING

from pipeline.errors import StageError
from pipeline.evaluation.made_probes import asked_of
from pipeline.evaluation.people import refuse_trained
from pipeline.evaluation.recognition import Embeddings, measure_rows
from pipeline.evaluation.wear import by_wear, fits_by_sample
from pipeline.params.evaluate_nir_vis import EvaluateNirVisParams
from pipeline.params.train_nir_vis import NirVisParams
from pipeline.report.hardest import hardest_sheet
from pipeline.report.published import published_beside
from pipeline.report.recognition import write_recognition
from pipeline.store.protocols import Protocol
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

    params = stage.entry(stage.params.evaluate_nir_vis)
    training = stage.params.train_nir_vis[params.training]
    stage = stage.on(params.dataset)
    protocol = stage.protocol(params.protocol, params.folds)
    folders = stage.source(params.gallery_rows), stage.source(params.rows)
    if params.probes_chosen:
        protocol = asked_of(protocol, *folders)
    sets = embed.open_tested(*folders, protocol, training)
    pretrained = load_trained(network_path(PRETRAINED_BY, training.pretrained))
    kept = trained_embeddings(stage, params, pretrained, protocol, sets)
    same = zero_shot(stage, params, protocol, training)
    same |= embed.embed_starts(training, pretrained, sets, flip=params.flip_test)
    rows = {row: dict.fromkeys(protocol.folds(), both) for row, both in same.items()}
    results, metrics = measure_rows(protocol, rows | {embed.TRAINED: kept}, embed.TRAINED)
    embed.write_embeddings(stage.folder / "embeddings.parquet", kept, sets)
    metrics["simulated"] = any(each.samples.simulated for each in sets)
    if params.rows == "masks":
        fits = fits_by_sample(stage.source("masks"))
        apart = by_wear(protocol, fits, kept.__getitem__)
        metrics |= {name: found.metrics for name, found in apart}
    stage.write_metrics(metrics)
    title = f"{params.training} on {params.dataset} {params.protocol}, rows of {params.rows}"
    beside = published_beside(training.kind)
    hardest_sheet(title, protocol, kept, sets, stage.report("contact", ".png"))
    print(write_recognition(title, protocol, results, metrics, beside, stage.report))


def trained_embeddings(
    stage: StageRun,
    params: EvaluateNirVisParams,
    pretrained: "Trained",
    protocol: Protocol,
    sets: "TestedSets",
) -> dict[int, Both]:
    """Return what each fold's network embeds; on another protocol, what the first fold's does.

    Raises:
        StageError: it is not trained on a fold, or a network is missing, was trained on
            people of its fold, or on faces that are aligned otherwise.
    """
    from pipeline.training import embed
    from pipeline.training.engine.trained import load_trained, network_path

    training = stage.params.train_nir_vis[params.training]
    own = (training.dataset, training.protocol) == (params.dataset, params.protocol)
    first = training.folds[0] if training.folds else 1
    # what an earlier training left of other folds lies beside them, and is none of these params
    others = sorted(set(protocol.folds()) - set(training.folds or protocol.folds()))
    if own and others:
        raise StageError(
            f"{params.training} is trained only on the folds {list(training.folds or ())} of "
            f"{params.protocol}: expected no others to be tested, found {others}; set the same "
            "`folds` in the evaluation, or remove them from the training to train on all"
        )
    kept: dict[int, Both] = {}
    for number in protocol.folds():
        trained = load_trained(network_path(TRAINED_BY, params.training, number if own else first))
        refuse_trained(trained, protocol.fold(number), params.dataset, stage.params.datasets)
        embed.check_aligned(trained, sets)
        if own or not kept:
            both = embed.embed_trained(training, pretrained, trained, sets, flip=params.flip_test)
        kept[number] = both
    return kept


def zero_shot(
    stage: StageRun, params: EvaluateNirVisParams, protocol: Protocol, training: NirVisParams
) -> dict[str, Both]:
    """Return what networks as they are embed: SFace, and the user's own if there is one."""
    from pipeline.training import zero_shot as networks

    folders = stage.source(params.gallery_rows), stage.source(params.rows)
    sets = networks.open_faces(*folders, protocol, training.image_budget_mb)
    sface = stage.weight("sface")
    chosen = networks.as_they_are(sface, params.network, stage.file, training.device)
    return networks.embed_zero_shot(chosen, sets, flip=params.flip_test)


if __name__ == "__main__":
    stage_main("evaluate_nir_vis", run)
