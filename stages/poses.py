"""Stage ``poses``: faces turned by each yaw and pitch that is asked for."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path

from pipeline.alignment.template import template_of
from pipeline.face3d.mesh import FaceMesh
from pipeline.ops.templates import AlignmentTemplate
from pipeline.params.poses import PosesParams
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.poses import poses_metrics
from pipeline.rng import rng_for
from pipeline.schemas.poses import POSES
from pipeline.store import select
from pipeline.store.mapping import BatchFunction
from pipeline.synthesis.poses.rows import GENERATOR, FacePoser, pose_name
from pipeline.types import Rejected, Row
from stages.run import StageRun, stage_main


def make(params: PosesParams, template: AlignmentTemplate, weights: Path) -> BatchFunction:
    """Load the network that measures what was drawn, and build the batch function."""
    network = FaceMesh(weights)
    turns = sorted(product(params.yaw_deg, params.pitch_deg), key=lambda turn: pose_name(*turn))

    def turned(row: Row) -> Iterator[Row | Rejected]:
        yaw = float(row["pose_deg"][0])
        if not abs(yaw) <= params.max_source_yaw_deg:
            yield Rejected("turned_away", f"yaw {yaw:.0f}°: too little of one half is visible")
            return
        if not (outside := float(row["outside_fraction"])) <= params.max_outside_fraction:
            yield Rejected("cut_by_border", f"{outside:.0%} of the crop lies outside the image")
            return
        try:
            face = FacePoser.of_row(row)
        except ValueError as error:
            yield Rejected("no_mesh", str(error))
            return
        chance = rng_for(params.seed, f"measured/{row['sample_id']}").uniform()
        measures = network if chance < params.measured_share else None
        for turn in turns:
            if abs(yaw + turn[0]) > params.max_yaw_deg:
                detail = f"yaw {yaw:.0f}° turned by {turn[0]:.0f}° is beyond max_yaw_deg"
                yield Rejected("beyond_profile", detail, pose_name(*turn))
                continue
            quality = params.context_jpeg_quality
            try:
                made = face.turned(*turn, template=template, network=measures, jpeg_quality=quality)
            except ValueError as error:  # seen from there, a template may find no place for them
                yield Rejected("degenerate_landmarks", str(error), pose_name(*turn))
                continue
            yield made | {"generator": GENERATOR, "seed": None}

    return lambda rows: [list(turned(row)) for row in rows]


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
        partial(make, params, template, stage.weight("face_mesh_468")),
        params={"poses": params, "align.template": template.values()},
    )
    stage.write_metrics(poses_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"), before=faces, tile_px=144)


if __name__ == "__main__":
    stage_main("poses", run)
