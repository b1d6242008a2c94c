"""Stage ``evaluate_bodies``: a training on protocols, beside faces of the same people."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.evaluation.people import refuse_trained
from pipeline.report import evaluate_bodies as report
from pipeline.report.published import published_between_bands, published_on
from pipeline.report.recognition import recognition_figure, recognition_table, write_cmc
from pipeline.store.protocols import Kind, Protocol
from pipeline.store.whole import write_whole
from stages.run import StageRun, stage_main

if TYPE_CHECKING:
    from pipeline.training.embed_people import Networks
    from pipeline.training.engine.trained import Trained
    from pipeline.training.evaluate_bodies import BetweenBands, ByImage

PRETRAINED_BY, TRAINED_BY = "pretrain_bodies", "train_bodies"


def run(stage: StageRun) -> None:
    """Measure one entry of the section."""
    from pipeline.training import evaluate_bodies as evaluate  # these bring torch
    from pipeline.training.embed_people import write_embeddings
    from pipeline.training.own_network import by_file
    from pipeline.training.people_folds import folds_tested

    params = stage.entry(stage.params.evaluate_bodies)
    stage = stage.on(params.dataset)
    protocols = [stage.protocol(each) for each in params.protocols]
    crops = stage.source("crop_bodies")
    body = networks(stage, params.training, flip=params.flip_test)
    own = None
    if params.network is not None:
        file = stage.file(Path(params.network.path), params.network.sha256)
        own = by_file(file, params.network, body.params.device)

    def check(tested: "Networks", fold: int, mine: Sequence[Protocol]) -> None:
        for each in mine:
            refuse_trained(tested.of_fold(fold), each, params.dataset, stage.params.datasets)

    found: BetweenBands | ByImage
    if all(protocol.kind == Kind.RECOGNITION for protocol in protocols):
        face = None
        if params.face is not None:
            face = networks(stage, params.face, flip=params.flip_test), stage.weight("sface")
        unit = params.templates == "unit"
        found = evaluate.between_bands(
            protocols, crops, body, face, unit=unit, check=check, own=own
        )
    else:
        folds = folds_tested(protocols, body.params, params.dataset)
        found = evaluate.by_image(protocols, crops, body, folds, check, own)
    stage.write_metrics(found.metrics)
    write_embeddings(stage.folder / "embeddings.parquet", found.embeddings)
    seen, figure = found.seen, stage.report("contact", ".png")
    report.attention_figure(seen.images, seen.maps, seen.names, seen.views, figure)
    title = f"{params.training} on {params.dataset}"
    if isinstance(found, evaluate.BetweenBands):
        table = show_bands(stage, title, found)
    else:
        table = show_images(stage, title, protocols, found)
    write_whole(stage.report("figures", ".md"), table)
    print(table)


def networks(stage: StageRun, name: str, *, flip: bool) -> "Networks":
    """Return an entry of ``train_bodies`` with its networks, and whether a test flips."""
    from pipeline.training.embed_people import Networks  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path

    params = stage.params.train_bodies[name]
    pretrained = load_trained(network_path(PRETRAINED_BY, params.pretrained))

    def of_fold(fold: int) -> "Trained":
        return load_trained(network_path(TRAINED_BY, name, fold))

    return Networks(params, pretrained, of_fold, flip=flip)


def show_bands(stage: StageRun, title: str, found: "BetweenBands") -> str:
    """Write curves and figure of identification between bands; return the table."""
    report.write_band_cmc(found.metrics, stage.report("curves", ".cmc.csv"))
    figure = stage.report("figures", ".png")
    report.bands_figure(title, found.metrics, found.similarities, found.bands, figure)
    return report.bands_table(title, found.metrics, published_between_bands())


def show_images(
    stage: StageRun, title: str, protocols: Sequence[Protocol], found: "ByImage"
) -> str:
    """Write curves and figure of re-identification; return the tables."""
    write_cmc(found.results, stage.report("curves", ".cmc.csv"))
    recognition_figure(title, found.results, stage.report("figures", ".png"))
    reader = stage.params.datasets[stage.dataset].reader
    tables = []
    for each in protocols:
        published = published_on(reader, each.name)
        given = f"{title} {each.name}", each, found.metrics[each.name], published
        tables.append(recognition_table(*given))
    return "\n".join(tables)


if __name__ == "__main__":
    stage_main("evaluate_bodies", run)
