"""Networks as they are on what DMFR's rows are tested on: see ``run``."""

import json
from pathlib import Path
from typing import Any

from ablations.dmfr_row import ABLATIONS, protocol_of
from ablations.measured import FOLDER
from pipeline.evaluation.outcomes import write_outcomes
from pipeline.params.ablations_dmfr import DmfrAblationParams
from pipeline.params.load import load_params, load_section
from pipeline.store.whole import write_whole
from stages.run import PARAMS, StageRun, run_guarded

ZERO_SHOT = FOLDER / "dmfr_zero_shot.json"


def run() -> None:
    """Measure SFace, and the user's own network if one is named, and write what each reaches."""
    from pipeline.training import dmfr, zero_shot  # these bring torch
    from pipeline.training.ablation import measured_on

    ablation = load_section(DmfrAblationParams, ABLATIONS)
    method = next(iter(ablation.rows.values())).method
    stage = StageRun("evaluate_dmfr", method.dataset, load_params(PARAMS))
    networks = {"SFace, zero-shot": zero_shot.by_sface(stage.weight("sface"), method.device)}
    if own := ablation.network:
        networks["own network, zero-shot"] = zero_shot.by_file(
            stage.file(Path(own.path), own.sha256), own, method.device
        )
    found: dict[str, dict[str, Any]] = {}
    for tested, what in ablation.tested.items():
        protocol = protocol_of(method.dataset, what)
        made = None if what.probes == "real" else stage.source(dmfr.QUALITY_STAGE)
        folders = stage.source(dmfr.REAL_STAGE), made
        sets = zero_shot.open_made(*folders, protocol, what.probes, method.image_budget_mb)
        for title, network in networks.items():
            result = measured_on(protocol.fold(1), zero_shot.embed_zero_shot(network, sets))
            found.setdefault(title, {})[tested] = result.recognition.metrics
            name = title.partition(",")[0].replace(" ", "_").lower()
            path = FOLDER / "dmfr_outcomes" / name / f"{tested}.parquet"
            write_outcomes(path, {0: result.outcomes})
    write_whole(ZERO_SHOT, json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    run_guarded("ablations.dmfr_zero_shot", run)
