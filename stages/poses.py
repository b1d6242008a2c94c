"""Stage ``poses``: faces turned by each yaw and pitch that is asked for."""

from functools import partial

from pipeline.alignment.template import template_of
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.poses import poses_metrics
from pipeline.schemas.poses import POSES
from pipeline.store import select
from pipeline.synthesis.poses.rows import pose_rows
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Turn the chosen faces of a data set."""
    params, template = stage.params.poses, template_of(stage.params.align)
    faces = stage.source("reconstruct")
    chosen = select(
        faces,
        bands=params.bands,
        splits=params.splits,
        per_subject=params.images_per_subject,
        seed=params.seed,
    )
    output = stage.map(
        chosen,
        POSES,
        partial(pose_rows, params, template, stage.weight("face_mesh_468")),
        params={"poses": params, "align.template": template.values()},
    )
    stage.write_metrics(poses_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"), before=faces, tile_px=144)


if __name__ == "__main__":
    stage_main("poses", run)
