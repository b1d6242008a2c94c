"""One row of DMFR's ablations: ``python -m ablations.dmfr_row <row>`` trains and measures it."""

import json
from pathlib import Path
from typing import Any

from ablations.measured import chosen, network_path, train_row, write_row
from pipeline.params.ablations_dmfr import DmfrAblationParams, DmfrRowParams
from pipeline.params.analyse_modality import AnalyseModalityParams
from pipeline.params.load import load_params, load_section
from pipeline.store.protocols import read_protocol
from stages.run import PARAMS, StageRun, item_main

ABLATIONS = Path("ablations/dmfr/params.yaml")
STAGES = ("attributes", "degrade", "poses")


def run(name: str) -> None:
    """Train a row with each seed, and write what each was measured to be."""
    ablation = load_section(DmfrAblationParams, ABLATIONS)
    write_row("dmfr_rows", name, measure(name, ablation, chosen(ablation.rows, name, ABLATIONS)))


def measure(name: str, ablation: DmfrAblationParams, row: DmfrRowParams) -> list[dict[str, Any]]:
    """Return each seed's metrics by what it was tested on, and its modality."""
    from pipeline.training import ablate_dmfr, aligned, dmfr  # these bring torch
    from pipeline.training.ablation import CURVE
    from pipeline.training.backbones import MODULES
    from pipeline.training.engine.trained import load_trained, pretrained_path
    from pipeline.training.methods import METHODS

    dataset = row.method.dataset
    stage = StageRun("train_dmfr", dataset, load_params(PARAMS))
    folders = {source: stage.source(source) for source in STAGES}
    pretrained = load_trained(
        stage.trained(pretrained_path("pretrain_nir_vis", row.method.pretrained))
    )
    samples = dmfr.open_training_samples(row.method, folders)
    content = aligned.content_of(samples, pretrained.backbone)
    code = "pipeline.training.engine.loop", METHODS[row.method.kind], MODULES[pretrained.backbone]
    analysis = AnalyseModalityParams(
        trainings=(name,),
        faces=ablation.faces,
        probe_folds=ablation.probe_folds,
        decoder_steps=0,
        seed=0,
    )
    protocols = Path("data", dataset, "protocols")
    bench = ablate_dmfr.Bench.of(
        {
            each: (read_protocol(protocols / tested.protocol), tested.probes)
            for each, tested in ablation.tested.items()
        },
        analysis,
        folders,
        pretrained,
        row.method,
    )
    found = []
    for seed in ablation.seeds:
        params = row.method.model_copy(update={"seed": seed})
        folder = f"ablations_dmfr/{name}/{seed}"
        trained = train_row(
            f"{name}, seed {seed}",
            params,
            pretrained,
            samples,
            key=stage.key({"method": params}, code).fingerprint(content),
            folder=folder,
        )
        curve = json.loads(network_path(folder).with_name(CURVE).read_text())
        found.append({"seed": seed, "curve": curve} | bench.measured(params, trained))
    return found


if __name__ == "__main__":
    item_main("ablations.dmfr_row", run)
