"""A z-buffered triangle rasteriser on the CPU: which triangle each pixel sees, and where on it.

Convention: x right and y down in pixels, pixel centres at integers, z away from the camera (the
nearer of two surfaces has the smaller z), orthographic. A caller that wants perspective divides
before, and anti-aliasing by rendering larger and calling ``reduce``.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.types import Float32, Int32


@dataclass(frozen=True)
class Fragments:
    """What the pixels of an image see of a mesh.

    Attributes:
        triangle: int32 (h, w), index of the triangle seen, −1 where there is none.
        weights: float32 (h, w, 3), barycentric weights of its corners; 0 where there is none.
        depth: float32 (h, w), z of the surface seen; +inf where there is none.
    """

    triangle: Int32
    weights: Float32
    depth: Float32

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Bool (h, w): pixels that see the mesh."""
        return self.triangle >= 0


def rasterise(vertices_xyz: Float32, triangles: Int32, hw: tuple[int, int]) -> Fragments:
    """Find the nearest triangle in each pixel.

    A pixel belongs to a triangle where its centre lies inside; on an edge that two triangles share,
    to exactly one of them (top-left rule), so that meshes have neither holes nor double pixels.
    Both sides of a triangle are drawn: leave out beforehand what should not be seen. Of two
    surfaces at the same depth the one with the lower index wins.

    Args:
        vertices_xyz: float32 (v, 3), pixels of the image; triangles with a corner that is not
            finite are left out.
        triangles: int32 (t, 3), indices into ``vertices_xyz``.
        hw: height and width of the image.

    Returns:
        The fragments. What lies beyond the image is cut off.

    Raises:
        ValueError: wrong shapes, or an index beyond the vertices.
    """
    triangle, depth = np.full(hw, -1, dtype=np.int32), np.full(hw, np.inf, dtype=np.float32)
    weights = np.zeros((*hw, 3), dtype=np.float32)
    _fill(*checked(vertices_xyz, triangles), triangle, depth, weights)
    return Fragments(triangle, weights, depth)


def rasterise_depth(
    vertices_xyz: Float32, triangles: Int32, hw: tuple[int, int]
) -> tuple[Int32, Float32]:
    """Find the nearest triangle in each pixel as ``rasterise`` does; no weights, so more quickly.

    Returns:
        ``triangle`` and ``depth`` of the fragments.
    """
    depth = np.full(hw, np.inf, dtype=np.float32)
    return rasterise_onto(vertices_xyz, triangles, depth), depth


def rasterise_onto(vertices_xyz: Float32, triangles: Int32, depth: Float32) -> Int32:
    """Find the nearest triangle in each pixel, in front of what stands there already.

    Args:
        vertices_xyz: of ``rasterise``.
        triangles: of ``rasterise``.
        depth: float32 (h, w), contiguous; the surfaces seen are written into it.

    Returns:
        ``triangle`` of the fragments.
    """
    triangle = np.full(depth.shape, -1, dtype=np.int32)
    _fill(*checked(vertices_xyz, triangles), triangle, depth, None)
    return triangle


def checked(vertices_xyz: Float32, triangles: Int32) -> tuple[Float32, NDArray[np.uint32]]:
    """Return vertices and triangles as the loops take them; raises as ``rasterise`` does."""
    if vertices_xyz.ndim != 2 or vertices_xyz.shape[1] != 3:
        raise ValueError(f"vertices_xyz: expected (v, 3), got {vertices_xyz.shape}")
    if triangles.ndim != 2 or triangles.shape[1] != 3:
        raise ValueError(f"triangles: expected (t, 3), got {triangles.shape}")
    # Without a sign a negative index is a large one, and no access has to look for it.
    corners = np.ascontiguousarray(triangles, dtype=np.int32).view(np.uint32)
    if corners.size and corners.max() >= len(vertices_xyz):
        raise ValueError(f"triangles: an index is not below {len(vertices_xyz)}")
    return np.ascontiguousarray(vertices_xyz, dtype=np.float32), corners


def interpolate(fragments: Fragments, triangles: Int32, attributes: Float32) -> Float32:
    """Carry attributes of vertices to the pixels.

    Args:
        fragments: of ``rasterise`` with the same triangles.
        triangles: int32 (t, 3).
        attributes: float32 (v, c).

    Returns:
        float32 (h, w, c), 0 where no triangle is seen.
    """
    result = np.zeros((fragments.triangle.size, attributes.shape[1]), dtype=np.float32)
    _carry(fragments, triangles, attributes, result, in_place=True)
    return result.reshape(*fragments.triangle.shape, -1)


def interpolate_covered(fragments: Fragments, triangles: Int32, attributes: Float32) -> Float32:
    """Carry attributes of vertices, float32 (v, c), to the covered pixels, in rows: (n, c)."""
    count = int(np.count_nonzero(fragments.covered))
    result = np.empty((count, attributes.shape[1]), dtype=np.float32)
    _carry(fragments, triangles, attributes, result, in_place=False)
    return result


def _carry(
    fragments: Fragments,
    triangles: Int32,
    attributes: Float32,
    result: Float32,
    *,
    in_place: bool,
) -> None:
    _interpolate(
        fragments.triangle,
        fragments.weights,
        np.ascontiguousarray(triangles, dtype=np.int32),
        np.ascontiguousarray(attributes, dtype=np.float32),
        result,
        in_place,
    )


def sample_bilinear(texture: Float32, xy: Float32) -> Float32:
    """Read a texture between its pixels.

    Args:
        texture: float32 (h, w, c).
        xy: float32 (..., 2), pixels of the texture; beyond its border the border is repeated, where
            not finite the result is 0.

    Returns:
        float32 (..., c).
    """
    points = np.ascontiguousarray(xy, dtype=np.float32).reshape(-1, 2)
    result = np.zeros((len(points), texture.shape[2]), dtype=np.float32)
    _sample(np.ascontiguousarray(texture, dtype=np.float32), points, result)
    return result.reshape(*xy.shape[:-1], texture.shape[2])


def reduce(image: Float32, factor: int) -> Float32:
    """Average blocks of ``factor`` × ``factor`` pixels: float32 (h·f, w·f[, c]) → (h, w[, c])."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    # Sums of every f-th pixel: several times as quick as means over short axes.
    places = [(row, column) for row in range(factor) for column in range(factor)]
    total = np.zeros((height, width, *image.shape[2:]), np.float32)
    for y, x in places:
        total += image[y : height * factor : factor, x : width * factor : factor]
    total *= np.float32(1 / factor**2)
    return total


def vertex_normals(vertices_xyz: Float32, triangles: Int32) -> Float32:
    """Average the triangles' normals at each vertex, weighted by area.

    Args:
        vertices_xyz: float32 (v, 3).
        triangles: int32 (t, 3); a triangle whose corners go round clockwise as the camera sees it
            (x right, y down, z away) has a normal towards the camera (negative z).

    Returns:
        float32 (v, 3) of length 1; 0 where a vertex has no triangle with an area.
    """
    normals = np.zeros((len(vertices_xyz), 3), np.float64)
    _sum_normals(
        np.ascontiguousarray(vertices_xyz, dtype=np.float64),
        np.ascontiguousarray(triangles, dtype=np.int32),
        normals,
    )
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    unit: Float32 = (normals / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit


@numba.njit(cache=True, nogil=True)
def _sum_normals(vertices, triangles, normals):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        ux, vx = vertices[c, 0] - vertices[a, 0], vertices[b, 0] - vertices[a, 0]
        uy, vy = vertices[c, 1] - vertices[a, 1], vertices[b, 1] - vertices[a, 1]
        uz, vz = vertices[c, 2] - vertices[a, 2], vertices[b, 2] - vertices[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += x
            normals[corner, 1] += y
            normals[corner, 2] += z


@numba.njit(cache=True, nogil=True)
def snapped(vertices, width, height):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the vertices' x, y in 1/256 pixels and z, (v, 3), and the pixels that they bound.

    The latter, int32 (v, 4), are the first column and row at or after a vertex and minus the last
    ones at or before it, cut to the image; −1 four times where the vertex is not finite.
    """
    snapped = np.empty((len(vertices), 3), np.float64)
    bounds = np.empty((len(vertices), 4), np.int32)
    for index in range(len(vertices)):
        x, y, z = vertices[index]
        if not np.isfinite(x + y + z):
            bounds[index] = -1
            continue
        # Edge functions of whole numbers are exact in float64.
        x, y = np.rint(np.float64(x) * 256.0), np.rint(np.float64(y) * 256.0)
        snapped[index, 0], snapped[index, 1], snapped[index, 2] = x, y, z
        bounds[index, 0] = min(max(np.ceil(x / 256.0), 0.0), width)
        bounds[index, 1] = min(max(np.ceil(y / 256.0), 0.0), height)
        bounds[index, 2] = -max(min(np.floor(x / 256.0), width - 1.0), -1.0)
        bounds[index, 3] = -max(min(np.floor(y / 256.0), height - 1.0), -1.0)
    return snapped, bounds


@numba.njit(cache=True, nogil=True)
def box(bounds, a, b, c):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the first and last columns and rows of a triangle's pixels: left, top, right, bottom.

    ``left`` is negative where a corner is not finite.
    """
    return (
        min(bounds[a, 0], bounds[b, 0], bounds[c, 0]),
        min(bounds[a, 1], bounds[b, 1], bounds[c, 1]),
        -min(bounds[a, 2], bounds[b, 2], bounds[c, 2]),
        -min(bounds[a, 3], bounds[b, 3], bounds[c, 3]),
    )


@numba.njit(cache=True, nogil=True)
def laid_out(fixed, a, b, c):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return a triangle's doubled area, whether b and c had to change places, corners, ``least``.

    The corners go round so that the area is not negative; ``least`` is that of the edges opposite.
    """
    ax, ay, za = fixed[a, 0], fixed[a, 1], fixed[a, 2]
    bx, by, zb = fixed[b, 0], fixed[b, 1], fixed[b, 2]
    cx, cy, zc = fixed[c, 0], fixed[c, 1], fixed[c, 2]
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    flipped = area < 0.0
    if flipped:
        bx, by, zb, cx, cy, zc = cx, cy, zc, bx, by, zb
        area = -area
    least_of = least(bx, by, cx, cy), least(cx, cy, ax, ay), least(ax, ay, bx, by)
    return area, flipped, (ax, ay, za, bx, by, zb, cx, cy, zc), least_of


@numba.njit(cache=True, nogil=True)
def least(from_x, from_y, to_x, to_y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return from which value of its function on an edge has a pixel on its inner side.

    An edge owns the pixels that it runs through if it is a top or a left one.
    """
    return 0.0 if (to_y - from_y) < 0.0 or (to_y == from_y and to_x > from_x) else 1.0


@numba.njit(cache=True, nogil=True)
def _fill(vertices, triangles, triangle, depth, weights):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = triangle.shape
    fixed, bounds = snapped(vertices, width, height)
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        left, top, right, bottom = box(bounds, a, b, c)
        if left > right or top > bottom or left < 0:
            continue
        area, flipped, corners, least_of = laid_out(fixed, a, b, c)
        if area == 0.0:
            continue
        ax, ay, za, bx, by, zb, cx, cy, zc = corners
        least_a, least_b, least_c = least_of
        share = 1.0 / area
        step_a, step_b, step_c = (by - cy) * 256.0, (cy - ay) * 256.0, (ay - by) * 256.0
        px, py = (left - 1) * 256.0, top * 256.0
        # Sums of whole numbers: as exact as each product would be.
        row_a = (cx - bx) * (py - by) - (cy - by) * (px - bx)
        row_b = (ax - cx) * (py - cy) - (ay - cy) * (px - cx)
        row_c = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
        for y in range(top, bottom + 1):
            wa, wb, wc = row_a, row_b, row_c
            row_a += (cx - bx) * 256.0
            row_b += (ax - cx) * 256.0
            row_c += (bx - ax) * 256.0
            for x in range(left, right + 1):
                wa += step_a
                wb += step_b
                wc += step_c
                if (wa < least_a) | (wb < least_b) | (wc < least_c):
                    continue
                # Rounded before it is compared, or what is as far would be nearer by a rounding.
                z = np.float32((wa * za + wb * zb + wc * zc) * share)
                if z < depth[y, x]:
                    depth[y, x] = z
                    triangle[y, x] = index
                    if weights is not None:
                        weights[y, x, 0] = wa * share
                        weights[y, x, 1] = (wc if flipped else wb) * share
                        weights[y, x, 2] = (wb if flipped else wc) * share


@numba.njit(cache=True, nogil=True)
def _interpolate(triangle, weights, triangles, attributes, result, in_place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill a row of the result for each covered pixel; ``in_place``, the row of that pixel."""
    height, width = triangle.shape
    channels = attributes.shape[1]
    row = 0
    for y in range(height):
        for x in range(width):
            index = triangle[y, x]
            if index < 0:
                continue
            if in_place:
                row = y * width + x
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            wa, wb, wc = weights[y, x, 0], weights[y, x, 1], weights[y, x, 2]
            for channel in range(channels):
                result[row, channel] = (
                    wa * attributes[a, channel]
                    + wb * attributes[b, channel]
                    + wc * attributes[c, channel]
                )
            row += 1


@numba.njit(cache=True, nogil=True)
def _sample(texture, points, result):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width, channels = texture.shape
    for index in range(len(points)):
        x, y = points[index]
        if not (np.isfinite(x) and np.isfinite(y)):
            continue
        x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
        x0, y0 = int(x), int(y)
        x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
        fx, fy = x - x0, y - y0
        for channel in range(channels):
            upper = texture[y0, x0, channel] * (1 - fx) + texture[y0, x1, channel] * fx
            lower = texture[y1, x0, channel] * (1 - fx) + texture[y1, x1, channel] * fx
            result[index, channel] = upper * (1 - fy) + lower * fy
