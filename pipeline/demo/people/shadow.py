"""How much light reaches a point: openness to its surroundings, the main light's shadow."""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.raster import rasterise
from pipeline.types import Float32, Int32

_MAP_PX = 256
_MARGIN = 0.05


@dataclass(frozen=True)
class ShadowMap:
    """Depth as a light sees it.

    Attributes:
        to_light: float32 (3, 4), from the scene to map pixels and depth.
        depth: float32 (h, w), +inf where the light meets nothing.
    """

    to_light: Float32
    depth: Float32


def shadow_map(
    vertices_xyz: Float32, triangles: Int32, towards: Float32, side_px: int = _MAP_PX
) -> ShadowMap:
    """Render depth along a light's direction over all vertices of the triangles."""
    away = -np.asarray(towards, np.float64)
    helper = np.array([0.0, 1.0, 0.0]) if abs(away[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, away)
    right /= np.linalg.norm(right)
    basis = np.stack([right, np.cross(away, right), away])
    seen = vertices_xyz @ basis.T.astype(np.float32)
    low, high = seen.min(axis=0) - _MARGIN, seen.max(axis=0) + _MARGIN
    scale = (side_px - 1) / float((high - low)[:2].max())
    to_light = np.column_stack([basis * [[scale], [scale], [1.0]], np.zeros(3)])
    to_light[:2, 3] = -low[:2] * scale
    placed = (vertices_xyz @ to_light[:, :3].T + to_light[:, 3]).astype(np.float32)
    fragments = rasterise(placed, triangles, (side_px, side_px))
    return ShadowMap(to_light.astype(np.float32), fragments.depth)


def lit_share(shadow: ShadowMap, points_xyz: Float32, bias: float, soft_px: float) -> Float32:
    """Return the share of the light that reaches points, float32 (n,): 16 samples about each."""
    result = np.empty(len(points_xyz), np.float32)
    _lit(
        shadow.to_light,
        shadow.depth,
        np.ascontiguousarray(points_xyz, np.float32),
        bias,
        soft_px,
        result,
    )
    return result


def openness(
    vertices_xyz: Float32, normals: Float32, triangles: Int32, directions: int = 28
) -> Float32:
    """Return how open the surroundings of vertices are, float32 (v,) in [0, 1].

    It is the cosine-weighted share of directions in which no triangle is met (ambient occlusion).
    """
    rays = _sphere(directions)
    seen, total = np.zeros(len(vertices_xyz)), np.full(len(vertices_xyz), 1e-3)
    for ray in rays:
        cosine = np.maximum(normals @ ray, 0.0)
        facing = cosine > 0.02
        if facing.any():
            shadow = shadow_map(vertices_xyz, triangles, ray, 192)
            reached = np.zeros(len(vertices_xyz), np.float32)
            reached[facing] = lit_share(shadow, vertices_xyz[facing], 0.03, 0.8)
            seen += reached * cosine
            total += np.where(facing, cosine, 0.0)
    return np.asarray(seen / total, np.float32)


def _sphere(count: int) -> NDArray[np.float32]:
    index = np.arange(count) + 0.5
    y = 1 - 2 * index / count
    angle = np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - y * y)
    return np.stack([ring * np.cos(angle), y, ring * np.sin(angle)], axis=1).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _lit(to_light, depth, points, bias, soft_px, result):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = depth.shape
    for i in range(len(points)):
        px, py, pz = points[i]
        x = to_light[0, 0] * px + to_light[0, 1] * py + to_light[0, 2] * pz + to_light[0, 3]
        y = to_light[1, 0] * px + to_light[1, 1] * py + to_light[1, 2] * pz + to_light[1, 3]
        z = to_light[2, 0] * px + to_light[2, 1] * py + to_light[2, 2] * pz + to_light[2, 3]
        total = 0.0
        for row in range(4):
            for column in range(4):
                u = round(x + (column - 1.5) * soft_px)
                v = round(y + (row - 1.5) * soft_px)
                if 0 <= u < width and 0 <= v < height:
                    behind = (z - bias - depth[v, u]) / 0.02
                    total += 1.0 - min(1.0, max(0.0, behind))
                else:
                    total += 1.0
        result[i] = total / 16.0
