"""Stage ``train_degrader``: CycleGAN from sharp to low-quality faces."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.params.whole import Params
from pipeline.report.comparison_sheet import comparison_sheet
from pipeline.report.losses import tell_training, write_curve
from pipeline.report.train_degrader import train_degrader_metrics
from pipeline.synthesis.degrade.untrained import NOT_ASKED, leave_note, too_few
from pipeline.types import UInt8
from stages.run import StageRun, stage_main

SHEET = "sharp, low quality, unseen faces before and after the network"
SHOWN = 6


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code the training depends on: engine and method."""
    return "pipeline.training.engine.loop", "pipeline.training.methods.cyclegan"


def run(stage: StageRun) -> None:
    """Train on a data set's faces, measure on those of subjects that the training did not see."""
    params, photometric = stage.params.train_degrader, stage.params.degrade.photometric
    if not params.steps:
        _leave_out(stage, NOT_ASKED, {"steps": 0})
        show(stage, {}, NOT_ASKED, simulated=False)
        return
    from pipeline.training import degrader  # these bring torch
    from pipeline.training.methods.cyclegan import LOSSES
    from pipeline.training.methods.cyclegan_faces import QualityFaces

    source, folder = stage.source("align"), stage.folder
    faces = QualityFaces.open(source, params, photometric)
    counts = faces.counts() if faces else {"sharp": 0, "low": 0}
    if not faces or not all(counts.values()):
        shown = faces.some(SHOWN)["sharp"] if faces else []
        _leave_out(stage, too_few(**counts), {"steps": 0, "faces": counts})
        show(stage, {"sharp": shown}, SHEET, simulated=bool(faces and faces.samples.simulated))
        return
    depends = {stage.stage: params, "degrade.photometric": photometric}
    key = stage.key(depends, code_of(stage.params, stage.dataset)).fingerprint(faces.samples.digest)
    run = degrader.train_generator(faces, params, label=stage.label, key=key, folder=folder)
    sets = degrader.measured_faces(faces, source, params, folder)
    stage.write_metrics(
        {
            "steps": params.steps,
            "faces": counts,
            "low_quality_simulated": params.low_quality == "photometric",
            "loss": {name: round(run.curve[-1][name], 4) for name in LOSSES},
            **train_degrader_metrics(sets),
        }
    )
    stage.write_run(run.times())
    network = folder / degrader.NETWORK
    tell_training(stage.label, run.curve, run.seconds, network, may_rise=True)
    write_curve(run.curve, stage.report("curves", ".csv"))
    show(stage, sets, SHEET, simulated=faces.samples.simulated)


def show(
    stage: StageRun, sets: Mapping[str, Sequence[UInt8]], title: str, *, simulated: bool
) -> None:
    """Write the sheet of a few faces of each set."""
    few = {name: faces[:SHOWN] for name, faces in sets.items()}
    path = stage.report("contact", ".png")
    comparison_sheet(f"{stage.label}: {title}", few, path, simulated=simulated)


def _leave_out(stage: StageRun, note: str, metrics: dict[str, Any]) -> None:
    """Write a note in place of a network, and what DVC expects beside it but for the sheet."""
    leave_note(stage.folder, note)
    print(f"{stage.label}: {note}")
    stage.write_metrics(metrics)
    write_curve([], stage.report("curves", ".csv"))


if __name__ == "__main__":
    stage_main("train_degrader", run)
