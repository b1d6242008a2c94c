"""Laying a textured sheet over an image, in one pass over the pixels that see it."""

import numba
import numpy as np

from pipeline.ops.raster import rasterise
from pipeline.types import Float32, Int32, UInt8

_SEEN = 0.5
"""From this alpha on, a sheet's depth is that of the image."""


def draw_texture(
    image: UInt8,
    depth: Float32,
    vertices_xyz: Float32,
    triangles: Int32,
    atlas_xy: Float32,
    texture: UInt8,
    alpha: UInt8,
) -> None:
    """Draw a sheet over an image, in place.

    Args:
        image: uint8 (h, w, c).
        depth: float32 (h, w), of what is drawn already; it becomes the sheet's where that is seen.
        vertices_xyz: float32 (v, 3), pixels of the image.
        triangles: int32 (t, 3).
        atlas_xy: float32 (v, 2), pixels of the texture.
        texture: uint8 (s, s, c).
        alpha: uint8 (s / 2, s / 2), how far the texture covers what is behind it.
    """
    seen = rasterise(vertices_xyz, triangles, (image.shape[0], image.shape[1]))
    _lay(seen.triangle, seen.weights, seen.depth, triangles, atlas_xy, texture, alpha, image, depth)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _lay(triangle, weights, near, triangles, atlas_xy, texture, alpha, image, depth):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Lay a texture over an image. More arguments because numba takes arrays, no objects."""
    height, width, channels = image.shape
    side, half = texture.shape[0] - 2, alpha.shape[0] - 2
    one, quarter = np.float32(1.0), np.float32(0.25)
    for y in range(height):
        for x in range(width):
            index = triangle[y, x]
            if index < 0:
                continue
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            wa, wb, wc = weights[y, x, 0], weights[y, x, 1], weights[y, x, 2]
            u = wa * atlas_xy[a, 0] + wb * atlas_xy[b, 0] + wc * atlas_xy[c, 0]
            v = wa * atlas_xy[a, 1] + wb * atlas_xy[b, 1] + wc * atlas_xy[c, 1]
            share = one
            if half > 0:
                s = u * np.float32(0.5) - quarter
                t = v * np.float32(0.5) - quarter
                x0, y0 = min(max(int(s), 0), half), min(max(int(t), 0), half)
                fx = min(max(s - np.float32(x0), np.float32(0.0)), one)
                fy = min(max(t - np.float32(y0), np.float32(0.0)), one)
                upper = alpha[y0, x0] * (one - fx) + alpha[y0, x0 + 1] * fx
                lower = alpha[y0 + 1, x0] * (one - fx) + alpha[y0 + 1, x0 + 1] * fx
                share = (upper + (lower - upper) * fy) * np.float32(1.0 / 255.0)
                if share < np.float32(0.002):
                    continue
            x0, y0 = min(max(int(u), 0), side), min(max(int(v), 0), side)
            fx = min(max(u - np.float32(x0), np.float32(0.0)), one)
            fy = min(max(v - np.float32(y0), np.float32(0.0)), one)
            w00, w01 = (one - fx) * (one - fy), fx * (one - fy)
            w10, w11 = (one - fx) * fy, fx * fy
            for channel in range(channels):
                colour = (
                    w00 * np.float32(texture[y0, x0, channel])
                    + w01 * np.float32(texture[y0, x0 + 1, channel])
                    + w10 * np.float32(texture[y0 + 1, x0, channel])
                    + w11 * np.float32(texture[y0 + 1, x0 + 1, channel])
                )
                behind = np.float32(image[y, x, channel])
                mixed = behind + share * (colour - behind) + np.float32(0.5)
                image[y, x, channel] = np.uint8(np.int32(mixed))
            if share > np.float32(_SEEN):
                depth[y, x] = near[y, x]
