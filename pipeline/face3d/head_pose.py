"""A head as a rigid body: how it stands, and how it stands after a turn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.pose import pose_deg
from pipeline.types import Float32


@dataclass(frozen=True)
class HeadPose:
    """The similarity from the canonical face's centimetres to an image's pixels.

    Attributes:
        angles_deg: yaw, pitch, roll as of ``pose_deg``.
        rotation: float64 (3, 3).
        scale: pixels per centimetre.
        origin: where the canonical origin lies, float64 (3,).
    """

    angles_deg: tuple[float, float, float]
    rotation: NDArray[np.float64]
    scale: float
    origin: NDArray[np.float64]

    def place(self, points_cm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Carry points (..., 3) of the canonical frame into the image's."""
        placed: NDArray[np.float64] = self.scale * points_cm @ self.rotation.T + self.origin
        return placed

    def unplace(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Carry points (..., 3) of the image's frame into the canonical one, centimetres."""
        moved = (np.asarray(points, np.float64) - self.origin) @ self.rotation / self.scale
        return np.asarray(moved, np.float64)

    def turn(self, yaw_deg: float, pitch_deg: float) -> NDArray[np.float64]:
        """Return the rotation that adds to yaw and pitch and keeps roll, float64 (3, 3)."""
        yaw, pitch, roll = self.angles_deg
        turned = rotation_matrix(yaw + yaw_deg, pitch + pitch_deg, roll)
        step: NDArray[np.float64] = turned @ rotation_matrix(yaw, pitch, roll).T
        return step


def head_pose(mesh_xyz: Float32) -> HeadPose:
    """Fit the canonical face to a mesh with least squared error.

    Args:
        mesh_xyz: (468, 3), x right, y down, z away from the camera, one unit for all.

    Raises:
        ValueError: a point is not finite, or all lie in one place.
    """
    mesh = np.asarray(mesh_xyz, dtype=np.float64)
    if mesh.shape != (468, 3) or not np.isfinite(mesh).all():
        raise ValueError(f"expected 468 finite points, got {mesh.shape}")
    yaw, pitch, roll = (float(angle) for angle in pose_deg(mesh[None].astype(np.float32))[0])
    rotation = rotation_matrix(yaw, pitch, roll)
    canonical = canonical_vertices()
    centred = canonical - canonical.mean(axis=0)
    target = mesh - mesh.mean(axis=0)
    scale = float((target * (centred @ rotation.T)).sum() / (centred**2).sum())
    if scale <= 0.0:
        raise ValueError("the mesh has no extent")
    origin = mesh.mean(axis=0) - scale * rotation @ canonical.mean(axis=0)
    return HeadPose((yaw, pitch, roll), rotation, scale, origin)


def rotation_matrix(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Return roll · pitch · yaw with the signs of ``pose_deg``, float64 (3, 3)."""
    (sy, sp, sr), (cy, cp, cr) = (
        function(np.radians([yaw_deg, pitch_deg, roll_deg])) for function in (np.sin, np.cos)
    )
    yaw = np.array([[cy, 0.0, -sy], [0.0, 1.0, 0.0], [sy, 0.0, cy]])
    pitch = np.array([[1.0, 0.0, 0.0], [0.0, cp, sp], [0.0, -sp, cp]])
    roll = np.array([[cr, -sr, 0.0], [sr, cr, 0.0], [0.0, 0.0, 1.0]])
    matrix: NDArray[np.float64] = roll @ pitch @ yaw
    return matrix
