"""Stage ``detect_bodies``: every person of every image, with keypoints if the network has any."""

from functools import partial
from pathlib import Path

from pipeline.bodies.body_rows import body_rows
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.detect_bodies import detect_bodies_metrics
from pipeline.schemas.detect_bodies import DETECT_BODIES
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Detect the people of a data set."""
    params = stage.params.detect_bodies
    weights = (
        stage.file(Path(params.file.path), params.file.sha256)
        if params.file
        else stage.weight(params.backend)
    )
    output = stage.map(
        stage.source("ingest"),
        DETECT_BODIES,
        partial(body_rows, params, weights),
        params={"detect_bodies": params},
        batch_rows=params.batch_frames,
    )
    stage.write_metrics(detect_bodies_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"), tile_px=440)


if __name__ == "__main__":
    stage_main("detect_bodies", run)
