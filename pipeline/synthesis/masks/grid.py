"""The loops over the grid of points that a mask's surface, and a face's coarse one, are."""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def weighted(data, indices, starts, mesh):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return sums of points, weighed by a sparse matrix's rows: float32 (n, 3) of (v, 3)."""
    found = np.empty((len(starts) - 1, 3), np.float32)
    for row in range(len(found)):
        x, y, z = 0.0, 0.0, 0.0
        for at in range(starts[row], starts[row + 1]):
            point, share = indices[at], data[at]
            x += share * mesh[point, 0]
            y += share * mesh[point, 1]
            z += share * mesh[point, 2]
        found[row, 0], found[row, 1], found[row, 2] = x, y, z
    return found


@numba.njit(cache=True, nogil=True, fastmath=True)
def grid_normals(surface):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return unit normals of a grid of points, float32 (rows, columns, 3)."""
    rows, columns, _ = surface.shape
    normals = np.zeros_like(surface)
    for r in range(rows):
        up, down = max(r - 1, 0), min(r + 1, rows - 1)
        for c in range(columns):
            left, right = max(c - 1, 0), min(c + 1, columns - 1)
            vx = surface[down, c, 0] - surface[up, c, 0]
            vy = surface[down, c, 1] - surface[up, c, 1]
            vz = surface[down, c, 2] - surface[up, c, 2]
            ux = surface[r, right, 0] - surface[r, left, 0]
            uy = surface[r, right, 1] - surface[r, left, 1]
            uz = surface[r, right, 2] - surface[r, left, 2]
            nx, ny, nz = vy * uz - vz * uy, vz * ux - vx * uz, vx * uy - vy * ux
            length = max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-9)
            normals[r, c, 0] = nx / length
            normals[r, c, 1] = ny / length
            normals[r, c, 2] = nz / length
    return normals


@numba.njit(cache=True, nogil=True, fastmath=True)
def put_on(taut, skin, shape, pixels_per_cm, triangles, turned_away):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Bring a mask's vertices off the skin; leave out what it does not reach or looks away.

    Args:
        taut: float32 (rows, columns, 3), the surface off the skin.
        skin: float32, alike.
        shape: float32, alike: inset, bulge in centimetres, 0 where there is no mask near.
        pixels_per_cm: of the head.
        triangles: int32 (t, 3).
        turned_away: triangles whose three corners look away by more are left out.

    Returns:
        The vertices, float32 (rows · columns, 3), the triangles that are left, and the least and
        most x and y of their corners, float32 (2, 2).
    """
    count = taut.shape[0] * taut.shape[1]
    outward, xyz = grid_normals(taut), np.empty_like(taut)
    for r in range(taut.shape[0]):
        for c in range(taut.shape[1]):
            inset, bulge = shape[r, c, 0], shape[r, c, 1]
            for k in range(3):
                off = inset * (taut[r, c, k] - skin[r, c, k])
                xyz[r, c, k] = (
                    skin[r, c, k] + off + outward[r, c, k] * (inset * bulge * pixels_per_cm)
                )
    away = grid_normals(xyz).reshape(count, 3)[:, 2]
    near = shape.reshape(count, 3)[:, 2]
    kept, left = np.empty_like(triangles), 0
    points, ends = xyz.reshape(count, 3), np.empty((2, 2), np.float32)
    ends[0], ends[1] = np.inf, -np.inf
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        if not (near[a] > 0.0 or near[b] > 0.0 or near[c] > 0.0):
            continue
        if away[a] > turned_away and away[b] > turned_away and away[c] > turned_away:
            continue
        kept[left] = triangles[index]
        left += 1
        for corner in (a, b, c):
            for k in range(2):
                ends[0, k] = min(ends[0, k], points[corner, k])
                ends[1, k] = max(ends[1, k], points[corner, k])
    return points, kept[:left], ends


@numba.njit(cache=True, nogil=True, fastmath=True)
def relit(worn, skin, direction):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return how much brighter cloth is than the skin under it, float32 (rows · columns,).

    Both are grids of points, float32 (rows, columns, 3); brightness grows along ``direction``.
    """
    outward, under = grid_normals(worn), grid_normals(skin)
    form = np.empty(worn.shape[:2], np.float32)
    for r in range(worn.shape[0]):
        for c in range(worn.shape[1]):
            cloth, bare = 1.0, 1.0
            for k in range(3):
                cloth += outward[r, c, k] * direction[k]
                bare += under[r, c, k] * direction[k]
            form[r, c] = min(max(cloth / max(bare, 0.25), 0.72), 1.3)
    return form.ravel()
