"""What is measured of a reconstructed face, by the ground truth."""

import numpy as np

from pipeline.ops.contours import LEFT_EYE_LOOP, RIGHT_EYE_LOOP
from pipeline.types import Float32, Row


def reconstructed_measures(row: Row, mesh_xyz: Float32, pose_deg: Float32) -> Row:
    """Measure a mesh (468, 3) and its pose (yaw, pitch, roll) by the truth's columns of its row.

    Returns:
        The measures of ``schemas.reconstruct``.
    """
    mesh, pose = row.get("truth_mesh_xyz"), row.get("truth_pose_deg")
    return {
        "mesh_nme_percent": None if mesh is None else mesh_nme_percent(mesh_xyz, mesh),
        "yaw_error_deg": None if pose is None else abs(float(pose_deg[0]) - float(pose[0])),
    }


def mesh_nme_percent(mesh_xyz: Float32, truth_xyz: Float32) -> float | None:
    """Return the mean distance of 468 points in the image, % of the true eyes' distance in space.

    Args:
        mesh_xyz: (468, 3).
        truth_xyz: (468, 3), same frame.

    Returns:
        None where the true eyes lie on one another.
    """
    left, right = (truth_xyz[list(loop)].mean(axis=0) for loop in (LEFT_EYE_LOOP, RIGHT_EYE_LOOP))
    between = float(np.linalg.norm(left - right))
    distances = np.hypot(*(mesh_xyz - truth_xyz)[:, :2].T)
    return float(distances.mean() / between * 100) if between else None
