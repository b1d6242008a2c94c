"""One row of the bodies' ablations: ``python -m ablations.bodies_row <row>`` does it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.rows import FOLDER, chosen, network_in, write_row
from pipeline.evaluation.outcomes import Outcomes, write_outcomes
from pipeline.evaluation.people import refuse_trained
from pipeline.params.ablations_bodies import BodyAblationParams, BodyRowParams
from pipeline.params.load import load_params, load_section
from pipeline.params.train_bodies import AnyTrainPeopleParams
from pipeline.store.locks import locked
from pipeline.store.protocols import Protocol, read_protocol
from pipeline.store.shards import ShardFolder
from stages.run import PARAMS, StageRun, item_main

if TYPE_CHECKING:
    from pipeline.evaluation.band_rows import BandRow
    from pipeline.training.ablate_bodies import PeopleTested
    from pipeline.training.engine.trained import Trained

ABLATIONS = Path("ablations/bodies/params.yaml")


def run(name: str) -> None:
    """Train a row with each seed, and write what each was measured to be."""
    ablation = load_section(BodyAblationParams, ABLATIONS)
    found, outcomes = measure(name, ablation, chosen(ablation.rows, name, ABLATIONS))
    for row, bands in outcomes.items():
        for band, seeds in bands.items():
            write_outcomes(outcomes_path(name, row, band), seeds)
    write_row("bodies_rows", name, found)


def measure(
    name: str, ablation: BodyAblationParams, row: BodyRowParams
) -> tuple[list[dict[str, Any]], dict[str, dict[str, dict[int, Outcomes]]]]:
    """Return each seed's metrics by what was measured, and the outcomes by that, band and seed."""
    from pipeline.training import ablate_bodies, bodies  # these bring torch
    from pipeline.training.backbones import MODULES
    from pipeline.training.engine.trained import load_trained, network_path
    from pipeline.training.methods import METHODS
    from pipeline.training.once import curve_of, trained_once
    from pipeline.training.people_folds import training_ids

    stage = StageRun("train_bodies", row.method.dataset, load_params(PARAMS))
    protocols = protocols_of(row, Path())
    pretrained = load_trained(stage.trained(network_path("pretrain_bodies", row.method.pretrained)))
    crops, ids = stage.source("crop_bodies"), training_ids(protocols, 1)
    backbone = (MODULES[pretrained.backbone],) if row.method.kind == "adaface" else ()
    code = "pipeline.training.engine.loop", METHODS[row.method.kind], *backbone
    # Opened once for all seeds, so images are decoded once.
    people = bodies.open_chosen(row.method, crops, ids)
    unit = ablation.templates == "unit"
    tested = open_tested_by(row, pretrained, stage, crops, protocols, unit=unit)
    found: list[dict[str, Any]] = []
    outcomes: dict[str, dict[str, dict[int, Outcomes]]] = {}
    for seed in ablation.seeds:
        params = row.method.model_copy(update={"seed": seed})
        path = network_of(name, seed)
        key = stage.key({"method": params}, code).fingerprint(people.samples.digest)
        with locked(path.parent):
            method = bodies.method_of(params, pretrained)
            train = partial(
                bodies.train_people, name, method, people, pretrained, key=key, path=path
            )
            trained = trained_once(path, key, train)
        for protocol in protocols:
            refuse_trained(trained, protocol, stage.dataset, stage.params.datasets)
        curve = curve_of(path)  # empty where a row has no steps: it is measured as it starts
        metrics: dict[str, Any] = {"seed": seed, "loss": curve[-1] if curve else {}}
        for measured, each in measured_by(name, params, pretrained, trained, tested).items():
            metrics[measured] = ablate_bodies.measured(each)
            for band, mine in ablate_bodies.outcomes_by_band(each).items():
                outcomes.setdefault(measured, {}).setdefault(band, {})[seed] = mine
        found.append(metrics)
    return found, outcomes


def protocols_of(row: BodyRowParams, workspace: Path) -> list[Protocol]:
    """Return what a row is tested by, of the people of a workspace."""
    folder = workspace / "data" / row.method.dataset / "protocols"
    return [read_protocol(folder / each) for each in row.method.protocols]


def open_tested_by(
    row: BodyRowParams,
    pretrained: "Trained",
    stage: StageRun,
    crops: ShardFolder,
    protocols: Sequence[Protocol],
    *,
    unit: bool,
) -> "PeopleTested":
    """Open whom a row is tested on; see ``ablate_bodies.open_rows``."""
    from pipeline.training import ablate_bodies  # these bring torch
    from pipeline.training.embed_people import Networks

    untrained: dict[int, Trained] = {}
    start = Networks(row.method, pretrained, untrained.__getitem__)
    sface = stage.weight("sface") if row.method.kind == "adaface" else None
    return ablate_bodies.open_rows(start, crops, protocols, sface=sface, unit=unit)


def measured_by(
    name: str,
    params: AnyTrainPeopleParams,
    pretrained: "Trained",
    trained: "Trained",
    tested: "PeopleTested",
) -> "dict[str, BandRow]":
    """Return what is measured with a network: its row, and beside it ``<row>_<variant>``."""
    from pipeline.training import ablate_bodies  # these bring torch
    from pipeline.training.embed_people import Networks

    method = Networks(params, pretrained, {1: trained}.__getitem__).method(1)
    own = ablate_bodies.trained_of(method)
    rows = ablate_bodies.rows_by(method, tested)
    return {name if each == own else f"{name}_{each}": row for each, row in rows.items()}


def network_of(name: str, seed: int) -> Path:
    """Return where the network of a row and seed lies."""
    return network_in(f"ablations_bodies/{name}/{seed}")


def outcomes_path(row: str, measured: str, band: str) -> Path:
    """Return where a row leaves outcomes of what is measured with it."""
    return FOLDER / "bodies_outcomes" / row / f"{measured}.{band}.parquet"


if __name__ == "__main__":
    item_main("ablations.bodies_row", run)
