"""Stage ``label_bodies``: whose body each detection is, by the data set's face boxes."""

from functools import partial

from pipeline.bodies.label_rows import label_rows
from pipeline.bodies.tracks import TrackedSource, track_folder
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.label_bodies import label_bodies_metrics
from pipeline.schemas.label_bodies import LABEL_BODIES
from stages.run import StageRun, stage_main

BATCH_ROWS = 32
"""Images labelled in one pass: a row group's worth, so that memory stays flat."""


def run(stage: StageRun) -> None:
    """Label the bodies of a data set."""
    params = stage.params.label_bodies
    detected = stage.source("detect_bodies")
    tracks = {} if params.tracker == "none" else track_folder(detected, params.tracker)
    output = stage.map(
        TrackedSource(detected, tracks),
        LABEL_BODIES,
        partial(label_rows, params),
        params={"label_bodies": params},
        batch_rows=BATCH_ROWS,
        few_rows=1000,  # what labelling takes is far below what workers need to start
    )
    stage.write_metrics(label_bodies_metrics(output, params.measure, params.tracker))
    contact_sheet(output, stage.report("contact", ".png"), tile_px=440)


if __name__ == "__main__":
    stage_main("label_bodies", run)
