"""Networks as they are on what NIR-VIS's rows are tested on.

``python -m ablations.nir_vis_zero_shot``
"""

import json
from pathlib import Path
from typing import Any

from ablations.nir_vis_row import ABLATIONS
from ablations.rows import FOLDER
from pipeline.evaluation.outcomes import write_outcomes
from pipeline.params.ablations import NirVisAblationParams
from pipeline.params.load import load_params, load_section
from pipeline.params.training import RecogniserParams
from pipeline.report.ablations import summarised
from pipeline.report.recognition import ZERO_SHOT
from pipeline.store.protocols import read_protocol
from pipeline.store.whole import write_whole
from stages.run import PARAMS, StageRun, run_guarded

ZERO_SHOT_RESULTS = FOLDER / "zero_shot.json"
FRONTAL = "frontal"
"""Protocol that says how far the people of the data set differ."""
PROBES = {"plain": "parts", "masked": "masks"}
"""Stage whose rows probe."""


def run() -> None:
    """Measure SFace, and the user's own network if one is named, and write what each reaches."""
    from pipeline.training import zero_shot  # these bring torch
    from pipeline.training.ablation import measured_on

    ablation = load_section(NirVisAblationParams, ABLATIONS)
    method = next(iter(ablation.rows.values())).method
    stage = StageRun("evaluate_nir_vis", method.dataset, load_params(PARAMS))
    protocol = stage.protocol(ablation.tested, method.folds)
    found: dict[str, dict[str, Any]] = {}
    sface = stage.weight("sface")
    networks = zero_shot.as_they_are(sface, ablation.network, stage.file, method.device)
    for probes in sorted({each for row in ablation.rows.values() for each in row.probes}):
        folders = stage.source("parts"), stage.source(PROBES[probes])
        sets = zero_shot.open_faces(*folders, protocol, method.image_budget_mb)
        for row, both in zero_shot.embed_zero_shot(networks, sets).items():
            tested = {n: measured_on(protocol.fold(n), both, n) for n in protocol.folds()}
            metrics = [each.recognition.metrics for each in tested.values()]
            found.setdefault(ZERO_SHOT[row], {})[probes] = summarised(metrics)
            outcomes = {key: hit for each in tested.values() for key, hit in each.outcomes.items()}
            write_outcomes(FOLDER / "outcomes" / row / f"{probes}.parquet", {0: outcomes})
    values = {"networks": found, "separation": _separation(stage, method)}
    write_whole(ZERO_SHOT_RESULTS, json.dumps(values, indent=2) + "\n")


def read_zero_shot() -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return what was written: results by title, and how far people separate; nothing without."""
    if not ZERO_SHOT_RESULTS.is_file():
        return {}, None
    values = json.loads(ZERO_SHOT_RESULTS.read_text(encoding="utf-8"))
    return values["networks"], values["separation"]


def _separation(stage: StageRun, method: RecogniserParams) -> dict[str, Any] | None:
    """Return SFace's EER in VIS from the front: whether the people differ as people do.

    None where the data set knows no views.
    """
    from pipeline.training import zero_shot
    from pipeline.training.ablation import measured_on

    folder = Path("data", stage.dataset, "protocols", FRONTAL)
    if not folder.is_dir():
        return None
    protocol, parts = read_protocol(folder), stage.source("parts")
    sets = zero_shot.open_faces(parts, parts, protocol, method.image_budget_mb)
    sface = {"sface": zero_shot.by_sface(stage.weight("sface"), method.device)}
    (both,) = zero_shot.embed_zero_shot(sface, sets).values()
    eer: dict[str, Any] = measured_on(protocol.fold(1), both).recognition.metrics["eer"]
    return eer


if __name__ == "__main__":
    run_guarded("ablations.nir_vis_zero_shot", run)
