"""Stage ``degrade``: each face once more in lower quality, by each named generator."""

from functools import partial
from pathlib import Path

from pipeline.errors import StageError
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.degrade import degrade_metrics
from pipeline.schemas.degrade import DEGRADE
from pipeline.store import select
from pipeline.synthesis.degrade.rows import degrade_rows
from pipeline.synthesis.degrade.untrained import read_note
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Degrade the chosen faces of a data set."""
    params, frame_px = stage.params.degrade, stage.params.train_degrader.frame_px
    folder = Path("data", stage.dataset, "train_degrader")
    weights, note = None, read_note(folder) if params.per_face.cyclegan else None
    if note and not params.per_face.photometric:
        raise StageError(
            f"{stage.label} has nothing to make: cyclegan is left out ({note}), and per_face asks "
            "for no other; set degrade.per_face.photometric to 1 or more, or train that network"
        )
    if note:
        print(f"{stage.label}: cyclegan is left out: {note}")
    elif params.per_face.cyclegan:
        weights = stage.trained(folder / "generator.pt")
    faces = stage.source("align")
    chosen = select(
        faces,
        bands=params.bands,
        splits=params.splits,
        per_subject=params.images_per_subject,
        seed=params.seed,
    )
    output = stage.map(
        chosen,
        DEGRADE,
        partial(degrade_rows, params, frame_px, weights),
        params={"degrade": params, "train_degrader.frame_px": frame_px},
    )
    stage.write_metrics(degrade_metrics(output) | {"left_out": {"cyclegan": note} if note else {}})
    contact_sheet(output, stage.report("contact", ".png"), before=faces)


if __name__ == "__main__":
    stage_main("degrade", run)
