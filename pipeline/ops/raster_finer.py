"""The rasteriser at twice the size, in some pixels only: at a mesh's edges, to anti-alias them."""

import numba
import numpy as np

from pipeline.ops.raster import box, checked, laid_out, snapped
from pipeline.types import Float32, Int32

_SHIFT = 3
"""Triangles are looked at in blocks of 8 pixels first: most lie far from any edge."""


def rasterise_finer(
    vertices_xyz: Float32, triangles: Int32, numbers: Int32, depth: Float32
) -> Int32:
    """Find the nearest triangle in each quarter of some pixels, as an image twice as large has it.

    Args:
        vertices_xyz: of ``rasterise``.
        triangles: of ``rasterise``.
        numbers: int32 (h, w): which row of the result belongs to a pixel, −1 for none.
        depth: float32 (h, w), of what stands there already: only nearer triangles are seen.

    Returns:
        int32 (n, 4) for numbers from 0 to n − 1: the triangle seen upper left, upper right, lower
        left and lower right, −1 where there is none.
    """
    # In fine pixels; the middle of a pixel lies between the middles of its quarters.
    fine = np.asarray(vertices_xyz, np.float32) * np.array([2, 2, 1], np.float32)
    fine += np.array([0.5, 0.5, 0], np.float32)
    triangle: Int32 = _fill_finer(*checked(fine, triangles), numbers, depth)
    return triangle


@numba.njit(cache=True, nogil=True)
def _asked(numbers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return in which blocks of an image there are numbers, bool (rows, columns), and how many."""
    height, width = numbers.shape
    asked = np.zeros(((height >> _SHIFT) + 1, (width >> _SHIFT) + 1), np.bool_)
    count = 0
    for y in range(height):
        for x in range(width):
            if numbers[y, x] >= 0:
                asked[y >> _SHIFT, x >> _SHIFT] = True
                count = max(count, numbers[y, x] + 1)
    return asked, count


@numba.njit(cache=True, nogil=True)
def _fill_finer(vertices, triangles, numbers, depth):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the triangles of ``rasterise_finer``, by the rules of ``rasterise``."""
    height, width = numbers.shape
    asked, count = _asked(numbers)
    triangle = np.full((count, 4), -1, np.int32)
    nearest = np.full((count, 4), np.inf, np.float32)
    fixed, bounds = snapped(vertices, 2 * width, 2 * height)
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        left, top, right, bottom = box(bounds, a, b, c)
        if left > right or top > bottom or left < 0:
            continue
        left, top, right, bottom = left >> 1, top >> 1, right >> 1, bottom >> 1
        near = False
        for row in range(top >> _SHIFT, (bottom >> _SHIFT) + 1):
            for column in range(left >> _SHIFT, (right >> _SHIFT) + 1):
                near |= asked[row, column]
        if not near:
            continue
        area, _, corners, least_of = laid_out(fixed, a, b, c)
        if area == 0.0:
            continue
        ax, ay, za, bx, by, zb, cx, cy, zc = corners
        least_a, least_b, least_c = least_of
        share = 1.0 / area
        right_a, right_b, right_c = (by - cy) * 256.0, (cy - ay) * 256.0, (ay - by) * 256.0
        down_a, down_b, down_c = (cx - bx) * 256.0, (ax - cx) * 256.0, (bx - ax) * 256.0
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                number = numbers[y, x]
                if number < 0:
                    continue
                px, py = 2 * x * 256.0, 2 * y * 256.0
                first_a = (cx - bx) * (py - by) - (cy - by) * (px - bx)
                first_b = (ax - cx) * (py - cy) - (ay - cy) * (px - cx)
                first_c = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
                for quarter in range(4):
                    across, below = quarter & 1, quarter >> 1
                    wa = first_a + across * right_a + below * down_a
                    wb = first_b + across * right_b + below * down_b
                    wc = first_c + across * right_c + below * down_c
                    if (wa < least_a) | (wb < least_b) | (wc < least_c):
                        continue
                    z = np.float32((wa * za + wb * zb + wc * zc) * share)
                    if z < nearest[number, quarter] and z < depth[y, x]:
                        nearest[number, quarter] = z
                        triangle[number, quarter] = index
    return triangle
