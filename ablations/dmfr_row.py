"""One row of DMFR's ablations: ``python -m ablations.dmfr_row <row>`` trains and measures it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.rows import FOLDER, chosen, network_in, start_of, train_locked, write_row
from pipeline.evaluation.made_probes import asked_of
from pipeline.evaluation.outcomes import Outcomes, write_outcomes
from pipeline.params.ablations_dmfr import DmfrAblationParams, DmfrRowParams, TestedParams
from pipeline.params.analyse_modality import AnalyseModalityParams
from pipeline.params.datasets import DatasetParams
from pipeline.params.load import load_section
from pipeline.params.train_dmfr import DmfrParams
from pipeline.store.protocols import Protocol, read_protocol
from pipeline.store.shards import ShardFolder
from stages.run import data_of, item_main

if TYPE_CHECKING:
    from pipeline.training.ablate_dmfr import Bench
    from pipeline.training.engine.trained import Trained

ABLATIONS = Path("ablations/dmfr/params.yaml")
STAGES = ("attributes", "degrade", "poses")


def run(name: str) -> None:
    """Train a row with each seed, and write what each was measured to be."""
    ablation = load_section(DmfrAblationParams, ABLATIONS)
    write_row("dmfr_rows", name, measure(name, ablation, chosen(ablation.rows, name, ABLATIONS)))


def measure(name: str, ablation: DmfrAblationParams, row: DmfrRowParams) -> list[dict[str, Any]]:
    """Return each seed's metrics by what it was tested on, and its modality.

    Outcomes of the probes, and embeddings, are left beside them.
    """
    from pipeline.training import dmfr, embed_faces  # these bring torch
    from pipeline.training.once import curve_of

    stage, pretrained, code = start_of("train_dmfr", row.method)
    folders = {source: stage.source(source) for source in STAGES}
    samples = dmfr.open_training_samples(row.method, folders)
    bench = _bench(name, ablation, row.method, folders, pretrained, stage.params.datasets)
    found: list[dict[str, Any]] = []
    outcomes: dict[str, dict[int, Outcomes]] = {}
    for seed in ablation.seeds:
        params = row.method.model_copy(update={"seed": seed})
        path = network_of(name, seed)
        trained = train_locked(
            f"{name}, seed {seed}",
            params,
            pretrained,
            samples,
            key=stage.key({"method": params}, code).fingerprint(samples.digest),
            folder=training_folder(name, seed),
        )
        tests = bench.tests(params, trained)
        for each, result in tests.items():
            kept = path.with_name(f"{each}.parquet")
            embed_faces.write_embeddings(kept, {1: result.embeddings}, bench.tested[each][1])
            outcomes.setdefault(each, {})[seed] = result.outcomes
        found.append(
            {"seed": seed, "curve": curve_of(path), "modality": bench.modality(params, trained)}
            | {each: result.recognition.metrics for each, result in tests.items()}
        )
    for each, seeds in outcomes.items():
        write_outcomes(FOLDER / "dmfr_outcomes" / name / f"{each}.parquet", seeds)
    return found


def _bench(
    name: str,
    ablation: DmfrAblationParams,
    params: DmfrParams,
    folders: Mapping[str, ShardFolder],
    pretrained: "Trained",
    datasets: Mapping[str, DatasetParams],
) -> "Bench":
    """Open all that the networks of a row are tested on."""
    from pipeline.training.ablate_dmfr import Bench  # brings torch

    analysis = AnalyseModalityParams(
        trainings=(name,),
        faces=ablation.faces,
        probe_folds=ablation.probe_folds,
        decoder_steps=0,
        seed=0,
    )
    tested = {
        each: (protocol_of(params.dataset, what), what.probes)
        for each, what in ablation.tested.items()
    }
    return Bench.of(tested, analysis, folders, pretrained, params, datasets)


def protocol_of(dataset: str, tested: TestedParams) -> Protocol:
    """Return what rows are tested on: a protocol, its probes those that were asked to be made."""
    protocol = read_protocol(Path("data", dataset, "protocols", tested.protocol))
    if tested.probes == "real":
        return protocol
    real, made = (ShardFolder.open(data_of(dataset, each)) for each in ("attributes", "degrade"))
    return asked_of(protocol, real, made, tested.probes)


def training_folder(name: str, seed: int) -> str:
    """Return the folder of a row's training, as ``train_locked`` takes it."""
    return f"ablations_dmfr/{name}/{seed}"


def network_of(name: str, seed: int) -> Path:
    """Return where the network of a row's training lies; embeddings lie beside it, by test."""
    return network_in(training_folder(name, seed))


if __name__ == "__main__":
    item_main("ablations.dmfr_row", run)
