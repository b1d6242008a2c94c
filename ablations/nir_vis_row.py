"""One row of NIR-VIS's ablations: ``python -m ablations.nir_vis_row <row>`` does it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablations.rows import FOLDER, chosen, network_in, start_of, train_locked, write_row
from pipeline.evaluation.outcomes import Outcomes, write_outcomes
from pipeline.params.ablations import NirVisAblationParams, NirVisRowParams
from pipeline.params.load import load_section
from pipeline.report.ablations import summarised
from stages.run import item_main

ABLATIONS = Path("ablations/params.yaml")


def run(name: str) -> None:
    """Train a row with each seed, measure each, and write the mean with all there is beside it."""
    ablation = load_section(NirVisAblationParams, ABLATIONS)
    measured = measure(name, ablation, chosen(ablation.rows, name, ABLATIONS))
    found: dict[str, Any] = {probes: summarised(each) for probes, each in measured.metrics.items()}
    found |= {"gradients": measured.gradients}
    for probes, seeds in measured.outcomes.items():
        write_outcomes(FOLDER / "outcomes" / name / f"{probes}.parquet", seeds)
    write_row("rows", name, found)


@dataclass
class RowMeasures:
    """What the trainings of a row gave.

    Attributes:
        metrics: of each seed and fold, by probes.
        outcomes: of each probe, by probes and seed.
        gradients: of each training, by ``<seed>-<fold>``.
    """

    metrics: dict[str, list[dict[str, Any]]]
    outcomes: dict[str, dict[int, Outcomes]]
    gradients: dict[str, dict[str, float]]


def measure(name: str, ablation: NirVisAblationParams, row: NirVisRowParams) -> RowMeasures:
    """Train a row with each seed on each fold, and test it with all its probes."""
    from pipeline.training import embed_faces, train  # these bring torch
    from pipeline.training.ablation import gradients_of, recognised
    from pipeline.training.once import curve_of

    stage, pretrained, code = start_of("train_nir_vis", row.method)
    trained_on = stage.protocol(row.method.protocol, row.method.folds)
    tested = stage.protocol(ablation.tested, row.method.folds)
    folders = {"parts": stage.source("parts")}
    if row.method.second_rows == "masks" or "masked" in row.probes:
        folders["masks"] = stage.source("masks")
    sets = {
        probes: embed_faces.open_tested(
            folders["parts"],
            folders["masks" if probes == "masked" else "parts"],
            tested,
            row.method,
        )
        for probes in row.probes
    }
    found = RowMeasures({each: [] for each in row.probes}, {each: {} for each in row.probes}, {})
    for number in trained_on.folds():
        ids = trained_on.fold(number).train["sample_id"].to_pylist()
        samples = train.open_training_samples(row.method, folders, ids)
        for seed in ablation.seeds:
            params = row.method.model_copy(update={"seed": seed})
            path = network_of(name, seed, number)
            trained = train_locked(
                f"{name}, seed {seed}",
                params,
                pretrained,
                samples,
                key=stage.key({"method": params}, code).fingerprint(samples.digest),
                folder=training_folder(name, seed, number),
            )
            found.gradients[path.parent.name] = gradients_of(curve_of(path))
            for probes, both in sets.items():
                fold, datasets = tested.fold(number), stage.params.datasets
                result = recognised(params, pretrained, trained, fold, both, datasets, number)
                metrics = result.recognition.metrics
                found.metrics[probes].append({"seed": seed, "fold": number} | metrics)
                found.outcomes[probes].setdefault(seed, {}).update(result.outcomes)
                kept = path.with_name(f"{probes}.parquet")
                embed_faces.write_embeddings(kept, {number: result.embeddings}, both)
    return found


def training_folder(name: str, seed: int, fold: int) -> str:
    """Return the folder of a row's training, as ``train_locked`` takes it."""
    return f"ablations/{name}/{seed}-{fold:02d}"


def network_of(name: str, seed: int, fold: int) -> Path:
    """Return where the network of a row's training lies; embeddings lie beside it, by probes."""
    return network_in(training_folder(name, seed, fold))


if __name__ == "__main__":
    item_main("ablations.nir_vis_row", run)
