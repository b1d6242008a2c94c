"""Texture coordinates of a face in an image, from the 468-point mesh."""

import numpy as np

from pipeline.face3d.canonical import canonical_texture
from pipeline.face3d.position_map import doubled_areas
from pipeline.ops.raster import interpolate, rasterise
from pipeline.types import Float32


def face_uv(xyz: Float32, hw: tuple[int, int]) -> Float32:
    """Rasterise a mesh's texture coordinates; triangles that face away are left out.

    Args:
        xyz: float32 (468, 3): x and y in pixels, z falling towards the camera.
        hw: height and width of the image.

    Returns:
        float32 (h, w, 2), NaN where there is no face.
    """
    uv, triangles = canonical_texture()
    # In the canonical texture every triangle has the winding that it shows to the camera.
    towards = doubled_areas(xyz[:, :2]) * np.sign(doubled_areas(uv)) > 0
    kept = triangles[towards].astype(np.int32)
    seen = rasterise(np.asarray(xyz, np.float32), kept, hw)
    result = interpolate(seen, kept, uv.astype(np.float32))
    result[~seen.covered] = np.nan
    return np.clip(result, 0.0, 1.0)
