"""Stage ``train_degrader``: CycleGAN from sharp to low-quality faces."""

import hashlib
from pathlib import Path

from pipeline.ops.codec import decode_rgb
from pipeline.report.train import write_curve
from pipeline.report.train_degrader import comparison_sheet, sharpness_metrics
from pipeline.synthesis.degrade.frame import frame_of
from pipeline.synthesis.degrade.untrained import leave_note, remove_note
from pipeline.types import Split
from stages.run import StageRun, stage_main

SHOWN = 6
MEASURED = 24
"""About so many faces that the training did not see go through the network for the metrics."""


def run(stage: StageRun) -> None:
    """Train on a data set's faces, measure on those of subjects that the training did not see."""
    from pipeline.synthesis.degrade.cyclegan import CycleGanDegrader  # these bring torch
    from pipeline.training.degrader import LOSSES, DegraderTraining
    from pipeline.training.degrader_faces import chosen_faces, sharp_and_low
    from pipeline.training.loop import train

    params, photometric = stage.params.train_degrader, stage.params.degrade.photometric
    rows, others = (
        chosen_faces(stage.source("align"), params, split)
        for split in (Split.TRAIN, Split.VALIDATION)
    )
    contents = hashlib.sha256("".join(row["content_sha256"] for row in rows).encode())
    key = stage.key({stage.stage: params, "degrade.photometric": photometric}).fingerprint(
        contents.hexdigest()
    )
    sharp, low = sharp_and_low(rows, params, photometric)
    folder = Path("data", stage.dataset, stage.stage)
    if not len(sharp) or not len(low):
        print(f"{stage.label}: {leave_note(folder, len(sharp), len(low))}")
        stage.write_metrics({"steps": 0, "faces": {"sharp": len(sharp), "low": len(low)}})
        write_curve([], stage.report("curves", ".csv"))
        comparison_sheet({"sharp": list(sharp)}, stage.report("contact", ".png"))
        return
    remove_note(folder)
    training = DegraderTraining(params, sharp, low)
    curve = train(
        training,
        label=f"{stage.stage}@{stage.dataset}",
        steps=params.steps,
        checkpoint=folder / "checkpoint.pt",
        checkpoint_steps=params.checkpoint_steps,
        key=key,
    )
    training.save_generator(folder / "generator.pt")

    degrader = CycleGanDegrader(folder / "generator.pt")
    measured = others[:: max(1, len(others) // MEASURED)]
    images = (decode_rgb(row["context"]["bytes"]) for row in measured)
    unseen = [frame_of(image, params.frame_px) for image in images]
    made = [degrader.degrade(face) for face in unseen]
    sets = {"sharp": list(sharp), "low": list(low), "unseen": unseen, "unseen_degraded": made}
    stage.write_metrics(
        {
            "steps": params.steps,
            "faces": {"sharp": len(sharp), "low": len(low)},
            "low_quality_simulated": params.low_quality == "photometric",
            "loss": {name: round(curve[-1][name], 4) for name in LOSSES},
            "sharpness": sharpness_metrics(sets),
        }
    )
    write_curve(curve, stage.report("curves", ".csv"))
    comparison_sheet({n: f[:SHOWN] for n, f in sets.items()}, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("train_degrader", run)
