"""Rendering a turned head into an image."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.face3d.head_pose import HeadPose, head_pose
from pipeline.ops.contours import FACE_LOOP
from pipeline.ops.geometry import compose_affine, transform_points, warp_affine
from pipeline.ops.raster import interpolate, rasterise
from pipeline.synthesis.poses.background import HOLE_MARGIN_PX, background_of
from pipeline.synthesis.poses.drawing import draw_texture
from pipeline.synthesis.poses.fill import PAD_PX, continued, smooth_step
from pipeline.synthesis.poses.head import (
    head_mesh,
    mean_reach,
    measured_reach,
    spread_head,
    turn_points,
)
from pipeline.synthesis.poses.layers import Layers
from pipeline.synthesis.poses.texture import NO_MAP, head_texture
from pipeline.types import Float32, UInt8

_EDGE_PX = 5.0
"""A step in depth beyond this is an edge, which is softened as a lens would."""
_BLACK, _NEAR_PX = 6, 13
"""Largest value of what is beyond the image, after JPEG; so near to it a head is cut by it."""
_SURELY_TAKEN = (0.6, 1.0)
"""Covers of a guessed head between which the background behind it goes from kept to taken out."""
_BACK_FROM_DEG = 2.0
"""Up to such a turn nothing is seen of the head's back."""
_FAR_PX = 4096.0
"""Depth of the background."""
_EAR_LOBES = (234, 454)
"""Vertices of the mesh."""


@dataclass(frozen=True)
class PosableHead:
    """A head that can be turned; made once for each face, turned as often as one likes.

    Attributes:
        pose: the face's pose in the context crop.
        front: float64 (v, 3), vertices in pixels of the context crop.
        back: float64 (w, 3), likewise.
        texture: uint8 (768, 768[, 3]).
        alpha: uint8 (384, 384), how far the texture covers what is behind it.
        background: uint8 (832, 832[, 3]), the context crop without the head, ``continued``.
        frame: uint8 (512, 512), 255 beyond a side of the source image that cuts head or neck: it
            stays black, since what they would be there is not known.
    """

    pose: HeadPose
    front: NDArray[np.float64]
    back: NDArray[np.float64]
    texture: UInt8
    alpha: UInt8
    background: UInt8
    frame: UInt8

    def turned_points(
        self, points: NDArray[np.floating], yaw_deg: float, pitch_deg: float
    ) -> NDArray[np.float64]:
        """Turn points (..., 3) of the head, pixels of the context crop."""
        return turn_points(points, self.pose, yaw_deg, pitch_deg)

    def render(
        self, yaw_deg: float, pitch_deg: float, context_to_target: ArrayLike, hw: tuple[int, int]
    ) -> UInt8:
        """Draw the head after a turn.

        Args:
            yaw_deg: what is added to its yaw.
            pitch_deg: what is added to its pitch.
            context_to_target: (2, 3), a similarity from the context crop to the image that is
                drawn.
            hw: height and width of that image.

        Returns:
            uint8 (h, w[, 3]).
        """
        mesh = head_mesh()
        unpadded = np.array([[1, 0, -PAD_PX], [0, 1, -PAD_PX]], np.float32)
        to_target = compose_affine(unpadded, context_to_target)
        image = np.asarray(warp_affine(self.background, to_target, hw, border="replicate"))
        depth = np.full(hw, _FAR_PX, np.float32)
        canvas = np.ascontiguousarray(image).reshape(*hw, -1)
        texture = self.texture.reshape(*self.texture.shape[:2], -1)
        sheets = [(self.front, mesh.triangles, mesh.atlas_xy, self.alpha)]
        if max(abs(yaw_deg), abs(pitch_deg)) > _BACK_FROM_DEG:
            opaque = np.full((1, 1), 255, np.uint8)
            sheets.insert(0, (self.back, mesh.back_triangles, mesh.back_atlas_xy, opaque))
        for vertices, triangles, atlas_xy, alpha in sheets:
            turned = turn_points(vertices, self.pose, yaw_deg, pitch_deg).astype(np.float32)
            turned[:, :2] = transform_points(turned[:, :2], context_to_target)
            draw_texture(canvas, depth, turned, triangles, atlas_xy, texture, alpha)
        drawn = _soften_edges(canvas.reshape(image.shape), depth)
        if self.frame.any():
            frame = warp_affine(self.frame, context_to_target, hw, border="replicate")
            drawn[frame > 127] = 0
        return drawn


def posable_head(context: UInt8, mesh_xyz: Float32, layers: Layers | None = None) -> PosableHead:
    """Make a face's head.

    Args:
        context: the context crop, uint8 (512, 512) or (512, 512, 3).
        mesh_xyz: (468, 3), pixels of the crop, z in the same unit.
        layers: what of the crop is head and neck; None takes a head of mean size.

    Raises:
        ValueError: the mesh is not finite or has no extent.
    """
    pose = head_pose(mesh_xyz)
    mesh = head_mesh()
    hw = context.shape[:2]
    guessed = layers is None
    if layers is None:
        everything = np.ones(hw, np.float32)
        front, back = spread_head(mesh_xyz, pose, mean_reach(), everything)
        head = rasterise(front.astype(np.float32), mesh.triangles, hw).covered.astype(np.float32)
        layers = Layers(head, np.zeros(hw, np.float32), np.zeros(hw, np.float32))
    else:
        reach = measured_reach(mesh_xyz, pose, layers.head, layers.beyond)
        front, back = spread_head(mesh_xyz, pose, reach, np.maximum(layers.head, layers.beyond))
    texture, alpha = head_texture(context, layers, front, mesh)
    small = np.asarray(front * (0.5, 0.5, 1.0) - (0.25, 0.25, 0.0), np.float32)
    drawn = rasterise(small, mesh.triangles, (hw[0] // 2, hw[1] // 2))
    half = interpolate(drawn, mesh.triangles, mesh.atlas_xy) * np.float32(0.5) - np.float32(0.25)
    there = cv2.remap(alpha, np.asarray(half, np.float32), NO_MAP, cv2.INTER_LINEAR)
    taken = np.where(drawn.covered, there, 0).astype(np.float32) / np.float32(255)
    outline = mesh_xyz[list(FACE_LOOP), 1]
    lobe = float(mesh_xyz[list(_EAR_LOBES), 1].mean())
    # Where a guessed head ends, the image has no edge: what fades out there must meet itself.
    margin_px = 1 if guessed else HOLE_MARGIN_PX
    taken = smooth_step(taken, _SURELY_TAKEN) if guessed else taken
    frame = _cutting_frame(context, layers)
    background = background_of(
        context, taken, layers, frame, float(outline.max()), lobe, margin_px=margin_px
    )
    return PosableHead(pose, front, back, texture, alpha, continued(background), frame)


def _cutting_frame(context: UInt8, layers: Layers) -> UInt8:
    """Find what lies beyond the sides of the source image that cut head or neck."""
    if not layers.beyond.any():
        return np.zeros(context.shape[:2], np.uint8)
    black = np.maximum.reduce(cv2.split(context)) <= _BLACK
    beyond = ((layers.beyond > 0.2) & black).astype(np.uint8)
    count, regions = cv2.connectedComponents(beyond)
    person = (layers.head + layers.neck > 0.5).astype(np.uint8)
    near = cv2.dilate(person, np.ones((_NEAR_PX, _NEAR_PX), np.uint8))
    cutting = np.zeros(count, np.uint8)
    cutting[regions[near > 0]] = 255
    cutting[0] = 0
    return np.asarray(cutting[np.asarray(regions)], np.uint8)


def _soften_edges(image: UInt8, depth: Float32) -> UInt8:
    """Blur an image where one surface ends before another: such edges are drawn without steps."""
    high, low = cv2.dilate(depth, np.ones((3, 3))), cv2.erode(depth, np.ones((3, 3)))
    edge = ((high - low) > _EDGE_PX).astype(np.float32)
    share = cv2.GaussianBlur(edge, (0, 0), 1.0)
    soft = cv2.GaussianBlur(image, (0, 0), 1.0)
    return np.asarray(cv2.blendLinear(soft, image, share, 1.0 - share), np.uint8)
