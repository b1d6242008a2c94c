"""One row of the ablations: ``python -m ablations.row <row>`` trains and measures it."""

import json
from pathlib import Path
from typing import Any

from pipeline.errors import ParamsError
from pipeline.params.ablations import AblationParams, RowParams
from pipeline.params.load import load_params, load_section
from pipeline.params.train import TRAINED
from pipeline.report.ablations import summarised
from pipeline.store.locks import locked
from pipeline.store.protocols import read_protocol
from stages.run import PARAMS, StageRun, item_main

ABLATIONS = Path("ablations/params.yaml")
FOLDER = Path("reports/ablations")


def run(name: str) -> None:
    """Train a row with each seed, measure each, and write the mean with all there is beside it."""
    ablation = load_section(AblationParams, ABLATIONS)
    if name not in ablation.rows:
        raise ParamsError(f"{name!r} is none of {ABLATIONS}'s rows {list(ablation.rows)}")
    measured = measure(name, ablation, ablation.rows[name])
    found = {probes: summarised(each) for probes, each in measured.items()}
    path = FOLDER / "rows" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")


def measure(name: str, ablation: AblationParams, row: RowParams) -> dict[str, list[dict[str, Any]]]:
    """Return the metrics of each seed (and fold) by probes."""
    from pipeline.training import evaluating, recognisers  # these bring torch
    from pipeline.training.ablation import recognised, trained_once
    from pipeline.training.trained import load_trained, pretrained_path

    stage = StageRun("train", row.method.dataset, load_params(PARAMS))
    folder = Path("data", row.method.dataset, "protocols")
    trained_on = read_protocol(folder / row.method.protocol)
    tested = read_protocol(folder / ablation.tested)
    parts = stage.source("parts")
    masked = stage.source("masks") if row.method.masked or "masked" in row.probes else None
    start = load_trained(stage.trained(pretrained_path(row.method.start)))
    sides = {
        probes: evaluating.load_sides(
            parts, masked if masked and probes == "masked" else parts, tested, row.method
        )
        for probes in row.probes
    }
    found: dict[str, list[dict[str, Any]]] = {probes: [] for probes in row.probes}
    sources = recognisers.Sources(parts, masked)
    for number in trained_on.folds():
        samples = trained_on.fold(number).train["sample_id"].to_pylist()
        faces, components = recognisers.load_training_faces(row.method, sources, samples)
        for seed in ablation.seeds:
            params = row.method.model_copy(update={"seed": seed})
            key = stage.key({"method": params}).fingerprint(faces.digest)
            path = Path("data", TRAINED, "ablations", name, f"{seed}-{number:02d}", "network.pt")
            with locked(path.parent):
                trained = trained_once(
                    f"{name}, seed {seed}", params, start, faces, components, key=key, path=path
                )
            for probes, both in sides.items():
                fold = tested.fold(number)
                metrics = recognised(params, start, trained, fold, both).metrics
                found[probes].append({"seed": seed, "fold": number} | metrics)
    return found


if __name__ == "__main__":
    item_main("ablations.row", run)
