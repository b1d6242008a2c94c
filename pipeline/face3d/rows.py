"""What the stage ``reconstruct`` makes of a row: a face with its position map."""

from pathlib import Path

from pipeline.face3d.backends import Reconstruct, make_backend
from pipeline.face3d.measures import reconstructed_measures
from pipeline.face3d.mesh import disagreement_percent
from pipeline.face3d.pose import pose_deg
from pipeline.face3d.position_map import visible_fraction
from pipeline.params.reconstruct import ReconstructParams
from pipeline.store.mapping import BatchFunction
from pipeline.types import Rejected, Row


def reconstruct_rows(params: ReconstructParams, weights: dict[str, Path]) -> BatchFunction:
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
