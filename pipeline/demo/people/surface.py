"""Places on a mesh: the nearest one to a point, and where it goes when the mesh moves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.types import Float32, Int32

_CANDIDATES = 16


@dataclass(frozen=True)
class Places:
    """Points that are fixed to a mesh.

    Attributes:
        corners: int32 (n, 3), indices of the vertices of each point's triangle.
        weights: float32 (n, 3), its barycentric weights there, ≥ 0 and summing to 1.
    """

    corners: Int32
    weights: Float32

    def on(self, values: Float32) -> Float32:
        """Carry values of vertices, float32 (v, c), to the points: float32 (n, c)."""
        carried: Float32 = np.einsum("nk,nkc->nc", self.weights, values[self.corners])
        return carried


def nearest_places(
    points_xyz: NDArray[np.floating], vertices_xyz: Float32, triangles: Int32
) -> tuple[Places, Float32]:
    """Find the nearest place on a mesh to each point.

    The 16 triangles with the nearest centres are tried, which is enough for a mesh whose triangles
    are of similar size.

    Returns:
        The places, and their distances, float32 (n,).
    """
    points = np.asarray(points_xyz, np.float64)
    corners = vertices_xyz[triangles].astype(np.float64)
    _, near = cKDTree(corners.mean(axis=1)).query(points, k=min(_CANDIDATES, len(triangles)))
    tried = corners[near]
    weights = _closest_weights(points[:, None], tried)
    found = np.einsum("nkc,nkcd->nkd", weights, tried)
    distances = np.linalg.norm(found - points[:, None], axis=2)
    best = distances.argmin(axis=1)
    rows = np.arange(len(points))
    chosen = triangles[near[rows, best]].astype(np.int32)
    return (
        Places(chosen, weights[rows, best].astype(np.float32)),
        distances[rows, best].astype(np.float32),
    )


def smoothed(vertices_xyz: Float32, triangles: Int32, rounds: int) -> Float32:
    """Smooth the vertices of a part; its rim stays."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    undirected = np.sort(edges, axis=1)
    _, first, count = np.unique(undirected, axis=0, return_index=True, return_counts=True)
    rim = np.unique(undirected[first[count == 1]])
    moved = vertices_xyz.astype(np.float64)
    degree = np.bincount(edges.ravel(), minlength=len(moved))
    free = degree > 0
    free[rim] = False
    for _ in range(rounds):
        sums = np.stack(
            [
                np.bincount(edges[:, 0], moved[edges[:, 1], k], len(moved))
                + np.bincount(edges[:, 1], moved[edges[:, 0], k], len(moved))
                for k in range(3)
            ],
            axis=1,
        )
        moved[free] = 0.5 * moved[free] + 0.5 * sums[free] / degree[free, None]
    return np.asarray(moved, np.float32)


def _closest_weights(
    points: NDArray[np.float64], corners: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return barycentric weights of the nearest point of triangles (…, 3, 3)."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    first, second, offset = b - a, c - a, points - a
    d11, d12, d22 = (
        (x * y).sum(-1) for x, y in ((first, first), (first, second), (second, second))
    )
    d1, d2 = (offset * first).sum(-1), (offset * second).sum(-1)
    area = np.where((det := d11 * d22 - d12 * d12) > 1e-18, det, 1.0)
    v, w = (d22 * d1 - d12 * d2) / area, (d11 * d2 - d12 * d1) / area
    inside = np.stack([1.0 - v - w, v, w], axis=-1)
    options = [np.where((inside.min(axis=-1) >= 0)[..., None], inside, np.nan)]
    for start, end in ((0, 1), (1, 2), (2, 0)):
        edge = corners[..., end, :] - corners[..., start, :]
        length = np.maximum((edge * edge).sum(-1), 1e-18)
        along = np.clip(((points - corners[..., start, :]) * edge).sum(-1) / length, 0.0, 1.0)
        option = np.zeros(inside.shape)
        option[..., start], option[..., end] = 1.0 - along, along
        options.append(option)
    stacked = np.stack(options)
    reached = np.einsum("...c,...cd->...d", stacked, np.broadcast_to(corners, (*stacked.shape, 3)))
    distances = np.linalg.norm(reached - points, axis=-1)
    best = np.nanargmin(distances, axis=0)
    weights: NDArray[np.float64] = np.take_along_axis(stacked, best[None, ..., None], axis=0)[0]
    return weights
