"""One row of the bodies' ablations: ``python -m ablations.bodies_row <row>`` does it."""

from functools import partial
from pathlib import Path
from typing import Any

from ablations.measured import FOLDER, chosen, network_path, write_row
from pipeline.evaluation.outcomes import Outcomes, write_outcomes
from pipeline.evaluation.people import refuse_trained
from pipeline.params.ablations_bodies import BodyAblationParams, BodyRowParams
from pipeline.params.load import load_params, load_section
from pipeline.store.locks import locked
from pipeline.store.protocols import read_protocol
from stages.run import PARAMS, StageRun, item_main

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
    from pipeline.training.embed_people import Networks
    from pipeline.training.engine.trained import Trained, load_trained, pretrained_path
    from pipeline.training.methods import METHODS
    from pipeline.training.once import curve_of, trained_once

    stage = StageRun("train_bodies", row.method.dataset, load_params(PARAMS))
    folder = Path("data", row.method.dataset, "protocols")
    protocols = [read_protocol(folder / each) for each in row.method.protocols]
    pretrained = load_trained(
        stage.trained(pretrained_path("pretrain_bodies", row.method.pretrained))
    )
    crops, ids = stage.source("crop_bodies"), bodies.training_ids(protocols, 1)
    backbone = (MODULES[pretrained.backbone],) if row.method.kind == "adaface" else ()
    code = "pipeline.training.engine.loop", METHODS[row.method.kind], *backbone
    sface = stage.weight("sface") if row.method.kind == "adaface" else None
    unit = ablation.templates == "unit"
    # Opened once for all seeds, so images are decoded once.
    people = bodies.open_chosen(row.method, crops, ids)
    start = Networks(row.method, pretrained, dict[int, Trained]().__getitem__)
    tested = ablate_bodies.open_rows(start, crops, protocols, sface=sface, unit=unit)
    found: list[dict[str, Any]] = []
    outcomes: dict[str, dict[str, dict[int, Outcomes]]] = {}
    for seed in ablation.seeds:
        params = row.method.model_copy(update={"seed": seed})
        path = network_path(f"ablations_bodies/{name}/{seed}")
        key = stage.key({"method": params}, code).fingerprint(people.samples.digest)
        with locked(path.parent):
            method = bodies.method_of(params, pretrained)
            train = partial(
                bodies.train_people, name, method, people, pretrained, key=key, path=path
            )
            trained = trained_once(path, key, train)
        for protocol in protocols:
            refuse_trained(trained.subjects, protocol, stage.dataset, stage.params.datasets)
        method = Networks(params, pretrained, {1: trained}.__getitem__).method(1)
        own = ablate_bodies.trained_of(method)
        curve = curve_of(path)  # empty where a row has no steps: it is measured as it starts
        metrics: dict[str, Any] = {"seed": seed, "loss": curve[-1] if curve else {}}
        for variant, each in ablate_bodies.rows_by(method, tested).items():
            measured = name if variant == own else f"{name}_{variant}"
            metrics[measured] = ablate_bodies.measured(each)
            for band, mine in ablate_bodies.outcomes_by_band(each).items():
                outcomes.setdefault(measured, {}).setdefault(band, {})[seed] = mine
        found.append(metrics)
    return found, outcomes


def outcomes_path(row: str, measured: str, band: str) -> Path:
    """Return where a row leaves outcomes of what is measured with it."""
    return FOLDER / "bodies_outcomes" / row / f"{measured}.{band}.parquet"


if __name__ == "__main__":
    item_main("ablations.bodies_row", run)
