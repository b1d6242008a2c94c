"""Stage ``evaluate_bodies``: a training on protocols, beside faces of the same people."""

from typing import TYPE_CHECKING

from pipeline.params.evaluate_bodies import EvaluateBodiesParams
from pipeline.report.evaluate_bodies import attention_figure, write_between_bands, write_by_image
from pipeline.report.published import published_between_bands, published_on
from pipeline.store.protocols import Kind
from stages.run import StageRun, stage_main

if TYPE_CHECKING:
    from pipeline.training.embed_people import Networks
    from pipeline.training.engine.trained import Trained
    from pipeline.training.evaluate_bodies import BetweenBands, ByImage, PeopleTest

PRETRAINED_BY, TRAINED_BY = "pretrain_bodies", "train_bodies"


def run(stage: StageRun) -> None:
    """Measure one entry of the section."""
    from pipeline.training.embed_people import write_embeddings  # these bring torch
    from pipeline.training.evaluate_bodies import PeopleTest
    from pipeline.training.own_network import if_named

    params, datasets = stage.entry(stage.params.evaluate_bodies), stage.params.datasets
    stage = stage.on(params.dataset)
    protocols = [stage.protocol(each) for each in params.protocols]
    crops = stage.source("crop_bodies")
    body = networks(stage, params.training, flip=params.flip_test)
    own = if_named(params.network, stage.file, body.params.device)
    test = PeopleTest(body, own, crops, protocols, params.dataset, datasets)
    templates = all(protocol.kind == Kind.RECOGNITION for protocol in protocols)
    found, table = (between_bands if templates else by_image)(stage, params, test)
    stage.write_metrics(found.metrics)
    write_embeddings(stage.folder / "embeddings.parquet", found.embeddings)
    attention_figure(*found.seen, stage.report("contact", ".png"))
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


def between_bands(
    stage: StageRun, params: EvaluateBodiesParams, test: "PeopleTest"
) -> "tuple[BetweenBands, str]":
    """Identify people between bands; also return the table."""
    face, title = None, f"{params.training} on {params.dataset}"
    if params.face is not None:
        face = networks(stage, params.face, flip=params.flip_test), stage.weight("sface")
    found = test.between_bands(face, unit=params.templates == "unit")
    matrix, beside = (found.similarities, found.bands), published_between_bands()
    return found, write_between_bands(title, found.metrics, *matrix, beside, stage.report)


def by_image(
    stage: StageRun, params: EvaluateBodiesParams, test: "PeopleTest"
) -> "tuple[ByImage, str]":
    """Re-identify people image by image; also return the tables."""
    from pipeline.training.people_folds import folds_tested

    title, reader = f"{params.training} on {params.dataset}", stage.dataset_params.reader
    found = test.by_image(folds_tested(test.protocols, test.body.params, params.dataset))
    beside = {each.name: published_on(reader, each.name) for each in test.protocols}
    measured = found.results, found.metrics
    return found, write_by_image(title, test.protocols, *measured, beside, stage.report)


if __name__ == "__main__":
    stage_main("evaluate_bodies", run)
