"""Rendering a turned head into a picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.face3d.head_pose import HeadPose, head_pose
from pipeline.ops.geometry import transform_points
from pipeline.ops.raster import interpolate, rasterise
from pipeline.synthesis.poses.head import head_mesh, spread_head, turn_head, turn_points
from pipeline.synthesis.poses.texture import NO_MAP, head_texture
from pipeline.types import Float32, UInt8

_EDGE_PX = 5.0
"""A step in depth beyond this is an edge, which is softened as a lens would."""


@dataclass(frozen=True)
class PosableHead:
    """A head that can be turned; made once for each face, turned as often as one likes.

    Attributes:
        pose: the face's pose in the loose crop.
        vertices: float64 (v, 3), pixels of the loose crop.
        texture: uint8 (768, 768[, 3]).
    """

    pose: HeadPose
    vertices: NDArray[np.float64]
    texture: UInt8

    def turned_points(
        self, points: NDArray[np.floating], yaw_deg: float, pitch_deg: float
    ) -> NDArray[np.float64]:
        """Turn points (..., 3) of the head, pixels of the loose crop."""
        return turn_points(points, self.pose, yaw_deg, pitch_deg)

    def render(
        self, yaw_deg: float, pitch_deg: float, loose_to_target: ArrayLike, hw: tuple[int, int]
    ) -> UInt8:
        """Draw the head after a turn.

        Args:
            yaw_deg: what is added to its yaw.
            pitch_deg: what is added to its pitch.
            loose_to_target: (2, 3), a similarity from the loose crop to the picture that is drawn.
            hw: height and width of that picture.

        Returns:
            uint8 (h, w[, 3]).
        """
        mesh = head_mesh()
        turned = turn_head(self.vertices, self.pose, yaw_deg, pitch_deg)
        placed = turned.astype(np.float32)
        placed[:, :2] = transform_points(turned[:, :2], loose_to_target)
        fragments = rasterise(placed, mesh.triangles, hw)
        xy = interpolate(fragments, mesh.triangles, mesh.atlas_xy)
        drawn = cv2.remap(self.texture, xy, NO_MAP, cv2.INTER_LINEAR)
        return _soften_edges(np.asarray(drawn, np.uint8), fragments.depth)


def posable_head(loose: UInt8, mesh_xyz: Float32) -> PosableHead:
    """Make a face's head.

    Args:
        loose: the loose crop, uint8 (512, 512) or (512, 512, 3).
        mesh_xyz: (468, 3), pixels of the crop, z in the same unit.

    Raises:
        ValueError: the mesh is not finite or has no extent.
    """
    pose = head_pose(mesh_xyz)
    vertices = spread_head(mesh_xyz, pose)
    return PosableHead(pose, vertices, head_texture(loose, vertices, head_mesh()))


def _soften_edges(image: UInt8, depth: Float32) -> UInt8:
    """Blur a picture where one surface ends before another: such edges are drawn without steps."""
    high, low = cv2.dilate(depth, np.ones((3, 3))), cv2.erode(depth, np.ones((3, 3)))
    edge = ((high - low) > _EDGE_PX).astype(np.float32)
    share = cv2.GaussianBlur(edge, (0, 0), 1.0)
    soft = cv2.GaussianBlur(image, (0, 0), 1.0)
    return np.asarray(cv2.blendLinear(soft, image, share, 1.0 - share), np.uint8)
