"""Networks as they are on what DMFR's rows are tested on.

``python -m ablations.dmfr_zero_shot``
"""

import json
from typing import Any

from ablations.dmfr_row import ABLATIONS, protocol_of
from ablations.rows import FOLDER
from pipeline.evaluation.outcomes import write_outcomes
from pipeline.params.ablations_dmfr import DmfrAblationParams
from pipeline.params.load import load_params, load_section
from pipeline.report.recognition import ZERO_SHOT
from pipeline.store.whole import write_whole
from stages.run import PARAMS, StageRun, run_guarded

ZERO_SHOT_RESULTS = FOLDER / "dmfr_zero_shot.json"


def run() -> None:
    """Measure SFace, and the user's own network if one is named, and write what each reaches."""
    from pipeline.training import dmfr, zero_shot  # these bring torch
    from pipeline.training.ablation import measured_on

    ablation = load_section(DmfrAblationParams, ABLATIONS)
    method = next(iter(ablation.rows.values())).method
    stage = StageRun("evaluate_dmfr", method.dataset, load_params(PARAMS))
    sface = stage.weight("sface")
    networks = zero_shot.as_they_are(sface, ablation.network, stage.file, method.device)
    found: dict[str, dict[str, Any]] = {}
    for tested, what in ablation.tested.items():
        protocol = protocol_of(method.dataset, what)
        generator = None if what.probes == "real" else what.probes
        real = stage.source(dmfr.REAL_STAGE)
        rows = real if generator is None else stage.source(dmfr.QUALITY_STAGE)
        sets = zero_shot.open_faces(real, rows, protocol, method.image_budget_mb, generator)
        for row, both in zero_shot.embed_zero_shot(networks, sets).items():
            result = measured_on(protocol.fold(1), both)
            found.setdefault(ZERO_SHOT[row], {})[tested] = result.recognition.metrics
            path = FOLDER / "dmfr_outcomes" / row / f"{tested}.parquet"
            write_outcomes(path, {0: result.outcomes})
    write_whole(ZERO_SHOT_RESULTS, json.dumps(found, indent=2) + "\n")


def read_zero_shot() -> dict[str, Any]:
    """Return what was written, by title; nothing without."""
    if not ZERO_SHOT_RESULTS.is_file():
        return {}
    found: dict[str, Any] = json.loads(ZERO_SHOT_RESULTS.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    run_guarded("ablations.dmfr_zero_shot", run)
