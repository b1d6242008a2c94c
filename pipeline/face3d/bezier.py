"""A smooth surface over the canonical triangles: cubic Bézier triangles, linear in the points.

The texture's layout never changes, so neither do the weights with which a texel's position is made
of the 468 points: they are worked out once.

Reference:
    G. Farin, Triangular Bernstein-Bézier patches, CAGD 3(2), 1986: control points from values and
    gradients at the corners, the middle one for quadratic precision (sections 3 and 7).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, eye_array, vstack
from scipy.spatial import cKDTree

from pipeline.face3d.canonical import canonical_texture
from pipeline.types import Float64

_POINTS = 468
_INNER_LIPS = frozenset(
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
)


def surface_weights(uv: Float64) -> csr_array:
    """Return how each of the 468 points weighs on points of the smooth surface.

    Args:
        uv: (n, 2); a point outside the face belongs to the nearest triangle, which is continued.

    Returns:
        (n, 468): times a mesh (468, 3) it gives the points' positions.
    """
    which, bary = _locate(uv)
    r, s, t = bary.T
    values = [
        *(r**3, s**3, t**3),
        *(3 * r**2 * s, 3 * r**2 * t, 3 * s**2 * r, 3 * s**2 * t, 3 * t**2 * r, 3 * t**2 * s),
        6 * r * s * t,
    ]
    columns = np.arange(len(values)) * len(canonical_texture()[1]) + which[:, None]
    starts = np.arange(len(uv) + 1) * len(values)
    polynomials = (np.stack(values, axis=1).ravel(), columns.ravel(), starts)
    controls = _controls()
    return csr_array(csr_array(polynomials, shape=(len(uv), controls.shape[0])) @ controls)


def _controls() -> csr_array:
    """Return the map from points to control points, (10 · 898, 468).

    In the order corners, two on each side, middle; each for all triangles.
    """
    uv, triangles = canonical_texture()
    slopes_u, slopes_v = _gradients()
    point = eye_array(_POINTS, format="csr")
    a, b, c = triangles.T
    curved = diags_array((~_flat_triangles()).astype(float))
    flat = diags_array(_flat_triangles().astype(float))
    edges = []
    for start, end in ((a, b), (a, c), (b, a), (b, c), (c, a), (c, b)):
        du, dv = (uv[end] - uv[start]).T
        tangent = diags_array(du) @ slopes_u[start] + diags_array(dv) @ slopes_v[start]
        straight = point[end] - point[start]
        edges.append(point[start] + (curved @ tangent + flat @ straight) / 3)
    corners = [point[each] for each in (a, b, c)]
    middle = sum(edges[1:], edges[0]) / 4 - (corners[0] + corners[1] + corners[2]) / 6
    return csr_array(vstack([*corners, *edges, middle]))


@cache
def _gradients() -> tuple[csr_array, csr_array]:
    """Return the maps from the points to their slopes along u and along v, (468, 468) each.

    A quadratic surface through the point is fitted to its neighbours of first and second rank, the
    near ones weighing more; lips have no neighbours across the opening.
    """
    uv, _ = canonical_texture()
    first = _neighbours()
    slopes = np.zeros((2, _POINTS, _POINTS))
    for point in range(_POINTS):
        ring = set(first[point]).union(*(first[each] for each in first[point])) - {point}
        around = np.array(sorted(ring))
        du, dv = (uv[around] - uv[point]).T
        weight = 1 / np.hypot(du, dv) ** 2
        unit = float(np.median(np.hypot(du, dv)))
        x, y = du / unit, dv / unit
        basis = np.stack([x, y, x * x, x * y, y * y], axis=1)
        ridge = np.diag([0, 0, 1, 1, 1]) * 1e-2 * weight.sum()
        fitted = np.linalg.solve((basis.T * weight) @ basis + ridge, basis.T * weight)[:2] / unit
        slopes[:, point, around] = fitted
        slopes[:, point, point] = -fitted.sum(axis=1)
    return csr_array(slopes[0]), csr_array(slopes[1])


def _neighbours() -> list[set[int]]:
    found: list[set[int]] = [set() for _ in range(_POINTS)]
    for triangle in canonical_texture()[1][~_flat_triangles()].tolist():
        for point in triangle:
            found[point].update(set(triangle) - {point})
    return found


@cache
def _flat_triangles() -> NDArray[np.bool_]:
    """Tell the triangles that span the opening of the mouth, bool (898,)."""
    triangles = canonical_texture()[1]
    return np.asarray(np.isin(triangles, sorted(_INNER_LIPS)).all(axis=1))


def _locate(uv: Float64) -> tuple[NDArray[np.int64], Float64]:
    """Find each point's triangle and its barycentric coordinates there."""
    vertices, triangles = canonical_texture()
    corners = vertices[triangles]
    # Large triangles are found by many centres: the nearest centre's is then near for certain.
    inner = np.array([(i, j, 8 - i - j) for i in range(9) for j in range(9 - i)]) / 8
    centres = np.einsum("km,tmd->tkd", inner * 0.97 + 0.01, corners).reshape(-1, 2)
    _, near = cKDTree(centres).query(uv, k=24)
    candidates = near // len(inner)
    first = corners[candidates]
    e1, e2 = first[:, :, 1] - first[:, :, 0], first[:, :, 2] - first[:, :, 0]
    d = uv[:, None] - first[:, :, 0]
    area = e1[..., 0] * e2[..., 1] - e1[..., 1] * e2[..., 0]
    s = (d[..., 0] * e2[..., 1] - d[..., 1] * e2[..., 0]) / area
    t = (e1[..., 0] * d[..., 1] - e1[..., 1] * d[..., 0]) / area
    bary = np.stack([1 - s - t, s, t], axis=-1)
    best = bary.min(axis=-1).argmax(axis=1)
    row = np.arange(len(uv))
    return candidates[row, best].astype(np.int64), bary[row, best]
