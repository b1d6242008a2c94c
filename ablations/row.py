"""One row of the ablations: ``python -m ablations.row <row>`` trains and measures it."""

from pathlib import Path
from typing import Any

from ablations.measured import chosen, train_row, write_row
from pipeline.params.ablations import AblationParams, RowParams
from pipeline.params.load import load_params, load_section
from pipeline.report.ablations import summarised
from pipeline.store.protocols import read_protocol
from stages.run import PARAMS, StageRun, item_main

ABLATIONS = Path("ablations/params.yaml")


def run(name: str) -> None:
    """Train a row with each seed, measure each, and write the mean with all there is beside it."""
    ablation = load_section(AblationParams, ABLATIONS)
    measured = measure(name, ablation, chosen(ablation.rows, name, ABLATIONS))
    write_row("rows", name, {probes: summarised(each) for probes, each in measured.items()})


def measure(name: str, ablation: AblationParams, row: RowParams) -> dict[str, list[dict[str, Any]]]:
    """Return the metrics of each seed (and fold) by probes."""
    from pipeline.training import aligned, embed, train  # these bring torch
    from pipeline.training.ablation import recognised
    from pipeline.training.backbones import MODULES
    from pipeline.training.engine.trained import load_trained, pretrained_path
    from pipeline.training.methods import METHODS

    stage = StageRun("train_nir_vis", row.method.dataset, load_params(PARAMS))
    folder = Path("data", row.method.dataset, "protocols")
    trained_on = read_protocol(folder / row.method.protocol)
    tested = read_protocol(folder / ablation.tested)
    folders = {"parts": stage.source("parts")}
    if row.method.second_rows == "masks" or "masked" in row.probes:
        folders["masks"] = stage.source("masks")
    path = pretrained_path("pretrain_nir_vis", row.method.pretrained)
    pretrained = load_trained(stage.trained(path))
    sets = {
        probes: embed.open_tested(
            folders["parts"],
            folders["masks" if probes == "masked" else "parts"],
            tested,
            row.method,
        )
        for probes in row.probes
    }
    code = "pipeline.training.engine.loop", METHODS[row.method.kind], MODULES[pretrained.backbone]
    found: dict[str, list[dict[str, Any]]] = {probes: [] for probes in row.probes}
    for number in trained_on.folds():
        ids = trained_on.fold(number).train["sample_id"].to_pylist()
        samples = train.open_training_samples(row.method, folders, ids)
        content = aligned.content_of(samples, pretrained.backbone)
        for seed in ablation.seeds:
            params = row.method.model_copy(update={"seed": seed})
            trained = train_row(
                f"{name}, seed {seed}",
                params,
                pretrained,
                samples,
                key=stage.key({"method": params}, code).fingerprint(content),
                folder=f"ablations/{name}/{seed}-{number:02d}",
            )
            for probes, both in sets.items():
                fold = tested.fold(number)
                metrics = recognised(params, pretrained, trained, fold, both).metrics
                found[probes].append({"seed": seed, "fold": number} | metrics)
    return found


if __name__ == "__main__":
    item_main("ablations.row", run)
