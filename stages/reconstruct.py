"""Stage ``reconstruct``: a UV position map of each face, checked against its five landmarks."""

from functools import partial
from pathlib import Path

from pipeline.face3d.backends import BACKENDS, Reconstruct, backend_weights, make_backend
from pipeline.face3d.measures import reconstructed_measures
from pipeline.face3d.mesh import disagreement_percent
from pipeline.face3d.pose import pose_deg
from pipeline.face3d.position_map import visible_fraction
from pipeline.params.reconstruct import ReconstructParams
from pipeline.params.whole import Params
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.reconstruct import reconstruct_metrics
from pipeline.schemas.reconstruct import RECONSTRUCT
from pipeline.store.mapping import BatchFunction
from pipeline.types import Rejected, Row
from stages.run import StageRun, stage_main


def make(params: ReconstructParams, weights: dict[str, Path]) -> BatchFunction:
    """Load the backend and build the batch function."""
    backend = make_backend(params.backend, weights, device=params.device)
    return lambda rows: [[reconstruct(row, backend, params)] for row in rows]


def reconstruct(row: Row, backend: Reconstruct, params: ReconstructParams) -> Row | Rejected:
    """Add a face's position map and what follows from it."""
    try:
        mesh, encoded = backend(row)
    except ValueError as error:
        return Rejected("no_geometry", f"{params.backend}: {error}")
    residual = disagreement_percent(row["detected_xy"], mesh)
    if not residual <= params.max_residual_percent:
        apart = f"mesh and detected points lie {residual:.1f} % of the inter-ocular distance apart"
        return Rejected("mesh_disagrees", apart)
    pose = pose_deg(mesh[None])[0]
    return row | {
        "parent_id": row["sample_id"],
        "position_map": encoded,
        "reconstruction": params.backend,
        "mesh_xyz": mesh,
        "pose_deg": pose,
        "visible_fraction": visible_fraction(mesh),
        "residual_percent": residual,
        **reconstructed_measures(row, mesh, pose),
    }


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code the rows depend on: see ``store.fingerprint``."""
    return "stages.reconstruct", BACKENDS[params.reconstruct.backend]


def run(stage: StageRun) -> None:
    """Reconstruct the faces of a data set."""
    params = stage.params.reconstruct
    weights = {name: stage.weight(name) for name in backend_weights(params.backend)}
    output = stage.map(
        stage.source("parts"),
        RECONSTRUCT,
        partial(make, params, weights),
        params={"reconstruct": params},
        code=code_of(stage.params, stage.dataset),
    )
    stage.write_metrics(reconstruct_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("reconstruct", run)
