"""Stage ``crop_bodies``: each labelled body as a crop with its body regions, a row of its own."""

from functools import partial

from pipeline.bodies.crop_rows import crop_rows
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.crop_bodies import crop_bodies_metrics
from pipeline.schemas.crop_bodies import CROP_BODIES
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Cut the bodies of a data set out."""
    params = stage.params.crop_bodies
    output = stage.map(
        stage.source("label_bodies"),
        CROP_BODIES,
        partial(crop_rows, params),
        params={"crop_bodies": params},
    )
    stage.write_metrics(crop_bodies_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"), per_subject=4, tile_px=192)


if __name__ == "__main__":
    stage_main("crop_bodies", run)
