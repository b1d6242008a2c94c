"""Head pose from the mesh: the rotation that takes the canonical face to it."""

import numpy as np
from numpy.typing import NDArray

from pipeline.face3d.canonical import canonical_vertices
from pipeline.types import Float32


def pose_deg(xyz: Float32) -> Float32:
    """Return yaw, pitch and roll of faces.

    The rotation is that of the least-squares similarity from the canonical face to the mesh, split
    as roll · pitch · yaw: the head first turns about its own vertical axis, then nods, then the
    image's plane rotates. So a rotated image changes roll alone.

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


def similarity_of(
    mesh_xyz: NDArray[np.floating],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Fit the similarity that takes the canonical face, in centimetres, to a mesh.

    Args:
        mesh_xyz: (468, 3).

    Returns:
        Scale (the mesh's unit per centimetre), rotation (3, 3) and shift (3,):
        ``mesh ≈ scale · canonical @ rotation.T + shift``.

    Raises:
        ValueError: the mesh is not finite, or all its points lie in one place.
    """
    mesh = np.asarray(mesh_xyz, dtype=np.float64)
    if mesh.shape != (468, 3) or not np.isfinite(mesh).all():
        raise ValueError(f"expected 468 finite points, got {mesh.shape}")
    centre, target = canonical_vertices().mean(axis=0), mesh.mean(axis=0)
    source = canonical_vertices() - centre
    u, values, vt = np.linalg.svd((mesh - target).T @ source)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = (u * sign) @ vt
    scale = float((values * sign).sum() / (source**2).sum())
    if scale <= 1e-9:
        raise ValueError("the mesh has no extent")
    return scale, rotation, target - scale * rotation @ centre
