"""Texture coordinates of a face in a picture, from the 468-point mesh."""

import cv2
import numpy as np

from pipeline.face3d.canonical import canonical_texture
from pipeline.types import Float32


def face_uv(xyz: Float32, hw: tuple[int, int]) -> Float32:
    """Rasterise a mesh's texture coordinates.

    Triangles are painted from far to near; those that face away are left out.

    Args:
        xyz: float32 (468, 3): x and y in pixels, z falling towards the camera.
        hw: height and width of the picture.

    Returns:
        float32 (h, w, 2), NaN where there is no face.
    """
    uv, triangles = canonical_texture()
    corners = xyz[triangles].astype(np.float64)
    edge1, edge2 = corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]
    area = edge1[:, 0] * edge2[:, 1] - edge1[:, 1] * edge2[:, 0]
    # In the canonical texture every triangle has the winding that it shows to the camera.
    uv1, uv2 = uv[triangles[:, 1]] - uv[triangles[:, 0]], uv[triangles[:, 2]] - uv[triangles[:, 0]]
    winding = np.sign(uv1[:, 0] * uv2[:, 1] - uv1[:, 1] * uv2[:, 0])
    seen = np.flatnonzero(area * winding > 1e-3)
    order = seen[np.argsort(-corners[seen, :, 2].mean(axis=1), kind="stable")]
    ids = np.zeros(hw, dtype=np.int32)
    fixed = np.rint(corners[:, :, :2] * 16).astype(np.int32)  # four fractional bits
    for index in order.tolist():
        cv2.fillConvexPoly(ids, fixed[index], index + 1, lineType=cv2.LINE_8, shift=4)
    rows, columns = np.nonzero(ids)
    which = ids[rows, columns] - 1
    dx, dy = columns - corners[which, 0, 0], rows - corners[which, 0, 1]
    weight1 = (dx * edge2[which, 1] - dy * edge2[which, 0]) / area[which]
    weight2 = (dy * edge1[which, 0] - dx * edge1[which, 1]) / area[which]
    inside = uv[triangles[which, 0]] + weight1[:, None] * uv1[which] + weight2[:, None] * uv2[which]
    result = np.full((*hw, 2), np.nan, dtype=np.float32)
    result[rows, columns] = np.clip(inside, 0.0, 1.0)
    return result
