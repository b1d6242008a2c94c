"""What hangs in front of a mask: strands of hair, the frame of glasses; never a mask on lips."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face3d.canonical import canonical_texture
from pipeline.ops.geometry import invert_affine, transform_points, warp_affine
from pipeline.ops.polygons import filled
from pipeline.types import MOUTH, FaceClass, Float32, UInt8

_HAIR = (FaceClass.HAIR, FaceClass.HAT)
_BEARD_U, _BEARD_V = (0.2, 0.8), 0.5
"""Hair in this part of the face's texture, below the nose's bridge, is a beard, which it covers."""
_BROWS = (105, 334)
_LEAST_PIXELS = 12
_GAP = np.ones((9, 9), np.uint8)
_REFINE_CROP_PX = 2.5
_SMOOTH = 60.0
"""Grey levels squared: edges of less contrast guide no matte."""


def hair_of(labels: UInt8) -> Float32:
    """Return where there is hair or a hat, float32 (h, w), what ear loops go under."""
    hair = np.isin(labels, _HAIR).astype(np.uint8)
    # A gap of a few pixels between strands shows no loop either.
    return np.asarray(cv2.morphologyEx(hair, cv2.MORPH_CLOSE, _GAP), np.float32)


def in_front(
    labels: UInt8, mesh_xyz: Float32, context_to_crop: Float32, grey: UInt8, *, bare_lips: bool
) -> Float32 | None:
    """Return how much of each pixel lies in front of a mask.

    Args:
        labels: uint8 (h, w) of ``FaceClass``, in the crop's frame.
        mesh_xyz: float32 (468, 3), pixels of the context crop.
        context_to_crop: (2, 3).
        grey: uint8 (H, W), the context crop: its edges are the matte's.
        bare_lips: the mask is worn under the mouth, so that lips, open or not, stay bare.

    Returns:
        float32 (H, W), 0 to 1; None where nothing does.
    """
    xy = transform_points(mesh_xyz[:, :2], context_to_crop)
    front = _hanging(np.isin(labels, _HAIR), xy) | (labels == FaceClass.GLASSES)
    if bare_lips:
        front |= np.isin(labels, MOUTH)
    front &= _hull(xy, labels.shape)
    if front.sum() < _LEAST_PIXELS:
        return None
    wh = grey.shape[1], grey.shape[0]
    rough = warp_affine(front.astype(np.float32), invert_affine(context_to_crop), wh[::-1])
    scale = float(np.sqrt(abs(np.linalg.det(context_to_crop[:, :2].astype(np.float64)))))
    return _guided(rough, grey, max(round(_REFINE_CROP_PX / max(scale, 1e-3)), 1))


def _hanging(hair: NDArray[np.bool_], xy: Float32) -> NDArray[np.bool_]:
    """Leave the hair that comes from above the brows and does not grow out of chin and cheeks."""
    uv, _ = canonical_texture()
    grown = (uv[:, 0] > _BEARD_U[0]) & (uv[:, 0] < _BEARD_U[1]) & (uv[:, 1] > _BEARD_V)
    rest = hair & ~_hull(xy[grown], hair.shape)
    _, parts = cv2.connectedComponents(rest.astype(np.uint8))
    brows = int(np.clip(xy[list(_BROWS), 1].mean(), 0, hair.shape[0]))
    from_above = np.setdiff1d(np.unique(parts[:brows]), [0])
    return np.asarray(np.isin(parts, from_above))


def _hull(xy: Float32, hw: tuple[int, ...]) -> NDArray[np.bool_]:
    hull = cv2.convexHull(np.asarray(xy, np.float32))[:, 0]
    return filled(hull.astype(np.float64), (hw[0], hw[1]))


def _guided(rough: Float32, grey: UInt8, radius: int) -> Float32:
    """Let a rough matte follow the edges of an image.

    Reference:
        K. He, J. Sun, X. Tang, Guided image filtering, ECCV 2010.
    """
    side = (2 * radius + 1,) * 2
    guide = grey.astype(np.float32)

    def mean(values: Float32) -> Float32:
        return np.asarray(cv2.blur(values, side), np.float32)

    guide_mean, matte_mean = mean(guide), mean(rough)
    variance = mean(guide * guide) - guide_mean**2
    slope = (mean(guide * rough) - guide_mean * matte_mean) / (variance + np.float32(_SMOOTH))
    offset = matte_mean - slope * guide_mean
    return np.asarray(np.clip(mean(slope) * guide + mean(offset), 0, 1), np.float32)
