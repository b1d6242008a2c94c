"""Head pose from the mesh: the rotation that takes the canonical face to it."""

import numpy as np

from pipeline.face3d.canonical import canonical_vertices
from pipeline.types import Float32


def pose_deg(xyz: Float32) -> Float32:
    """Return yaw, pitch and roll of faces.

    The rotation is that of the least-squares similarity from the canonical face to the mesh, split
    as roll · pitch · yaw: the head first turns about its own vertical axis, then nods, then the
    picture's plane rotates. So a rotated picture changes roll alone.

    - yaw: positive when the subject turns to their own left: the nose moves to larger x.
    - pitch: positive when the nose moves up, to smaller y.
    - roll: positive when the head leans to the subject's left shoulder: clockwise as one sees it.

    Args:
        xyz: (n, 468, 3), x right, y down, z away from the camera, one unit for all; NaN gives NaN.

    Returns:
        float32 (n, 3): yaw in (-180, 180], pitch in [-90, 90], roll in (-180, 180], degrees.

    Reference:
        S. Umeyama, Least-squares estimation of transformation parameters between two point
        patterns, PAMI 13(4), 1991, equation 39.
    """
    meshes = np.asarray(xyz, dtype=np.float64)
    angles = np.full((len(meshes), 3), np.nan, dtype=np.float32)
    known = np.isfinite(meshes).all(axis=(1, 2))
    source = canonical_vertices() - canonical_vertices().mean(axis=0)
    target = meshes[known] - meshes[known].mean(axis=1, keepdims=True)
    u, _, vt = np.linalg.svd(np.einsum("nki,kj->nij", target, source))
    sign = np.ones((len(u), 3))
    sign[:, 2] = np.linalg.det(u) * np.linalg.det(vt)
    rotation = (u * sign[:, None, :]) @ vt
    # rotation = Rz(roll) Rx(-pitch) Ry(-yaw)
    yaw = np.arctan2(rotation[:, 2, 0], rotation[:, 2, 2])
    pitch = -np.arcsin(np.clip(rotation[:, 2, 1], -1.0, 1.0))
    roll = np.arctan2(-rotation[:, 0, 1], rotation[:, 1, 1])
    angles[known] = np.degrees(np.stack([yaw, pitch, roll], axis=1))
    return angles
