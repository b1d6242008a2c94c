"""The rasteriser against the plain loop over triangles that it was before.

Run: ``python -m benchmarks.bench_raster``. One thread. A dense face (86,204 triangles, a position
map's) and the grid that masks lie on, each at several sides. Both give the same bytes, which is
looked at first; times are process time, in turn, so that a busy machine distorts the ratio little.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numba
import numpy as np

from benchmarks.results import note
from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.position_map import grid_triangles, position_map_of_mesh
from pipeline.ops.raster import Fragments, rasterise
from pipeline.synthesis.masks.surface import surface_on, surface_triangles
from pipeline.types import Float32, Int32


@numba.njit(cache=True, nogil=True)
def plain_fill(vertices, triangles, triangle, weights, depth):  # type: ignore[no-untyped-def]
    """Fill a triangle at a time, each set up from its corners: the code of revision 24c481a."""
    height, width = triangle.shape
    for index in range(len(triangles)):
        a, b, c = triangles[index]
        total = 0.0  # one test instead of nine: an infinite or absent number makes the sum so
        for axis in range(3):
            total += vertices[a, axis] + vertices[b, axis] + vertices[c, axis]
        if not np.isfinite(total):
            continue
        # Snapped to 1/256 pixel: edge functions are then exact in float64.
        ax, ay = np.rint(vertices[a, 0] * 256.0), np.rint(vertices[a, 1] * 256.0)
        bx, by = np.rint(vertices[b, 0] * 256.0), np.rint(vertices[b, 1] * 256.0)
        cx, cy = np.rint(vertices[c, 0] * 256.0), np.rint(vertices[c, 1] * 256.0)
        za, zb, zc = vertices[a, 2], vertices[b, 2], vertices[c, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        flipped = area < 0.0
        if flipped:
            bx, by, zb, cx, cy, zc = cx, cy, zc, bx, by, zb
            area = -area
        left = max(int(np.ceil(min(ax, bx, cx) / 256.0)), 0)
        right = min(int(np.floor(max(ax, bx, cx) / 256.0)), width - 1)
        top = max(int(np.ceil(min(ay, by, cy) / 256.0)), 0)
        bottom = min(int(np.floor(max(ay, by, cy) / 256.0)), height - 1)
        # An edge owns the pixels that it runs through if it is a top or a left one.
        own_a = (cy - by) < 0.0 or (cy == by and cx > bx)
        own_b = (ay - cy) < 0.0 or (ay == cy and ax > cx)
        own_c = (by - ay) < 0.0 or (by == ay and bx > ax)
        share = 1.0 / area
        step_a, step_b, step_c = (by - cy) * 256.0, (cy - ay) * 256.0, (ay - by) * 256.0
        px = left * 256.0
        for y in range(top, bottom + 1):
            py = y * 256.0
            # Sums of whole numbers: as exact as each product would be.
            wa = (cx - bx) * (py - by) - (cy - by) * (px - bx) - step_a
            wb = (ax - cx) * (py - cy) - (ay - cy) * (px - cx) - step_b
            wc = (bx - ax) * (py - ay) - (by - ay) * (px - ax) - step_c
            for x in range(left, right + 1):
                wa += step_a
                wb += step_b
                wc += step_c
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                if (
                    (wa == 0.0 and not own_a)
                    or (wb == 0.0 and not own_b)
                    or (wc == 0.0 and not own_c)
                ):
                    continue
                z = (wa * za + wb * zb + wc * zc) * share
                if z < depth[y, x]:
                    depth[y, x] = z
                    triangle[y, x] = index
                    weights[y, x, 0] = wa * share
                    weights[y, x, 1] = (wc if flipped else wb) * share
                    weights[y, x, 2] = (wb if flipped else wc) * share


def plain(vertices_xyz: Float32, triangles: Int32, hw: tuple[int, int]) -> Fragments:
    """Rasterise by ``plain_fill``, arguments looked at as in that revision."""
    if not 0 <= triangles.min() <= triangles.max() < len(vertices_xyz):
        raise ValueError("an index beyond the vertices")
    triangle = np.full(hw, -1, np.int32)
    weights, depth = np.zeros((*hw, 3), np.float32), np.full(hw, np.inf, np.float32)
    plain_fill(vertices_xyz.astype(np.float64), triangles, triangle, weights, depth)
    return Fragments(triangle, weights, depth)


def meshes() -> dict[str, tuple[Float32, Int32, int]]:
    """Return vertices, triangles and the image's side, by name."""
    texels, dense = grid_triangles(1)
    face = position_map_of_mesh(canonical_vertices().astype(np.float32)).reshape(-1, 3)[texels]
    low, extent = face.min(axis=0), float(np.ptp(face[:, :2], axis=0).max())
    found = {
        f"{len(dense)} triangles at {side} px": (
            ((face - low) * ((side - 4) / extent) + 2).astype(np.float32),
            dense,
            side,
        )
        for side in (144, 256, 512)
    }
    worn = surface_on((canonical_vertices() * 34 + (512, 512, 0)).astype(np.float32)).taut_xyz
    return found | {"a mask's grid at 1,024 px": (worn, surface_triangles(), 1024)}


def seconds(call: Callable[[], object]) -> float:
    """Return the process time of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Print milliseconds and ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repeats", type=int, default=31)
    options = arguments.parse_args()
    for name, (vertices, triangles, side) in meshes().items():
        hw = (side, side)
        ours, theirs = rasterise(vertices, triangles, hw), plain(vertices, triangles, hw)
        for one, other in zip(vars(ours).values(), vars(theirs).values(), strict=True):
            np.testing.assert_array_equal(one, other)
        pairs = [
            (
                seconds(lambda: rasterise(vertices, triangles, hw)),  # noqa: B023
                seconds(lambda: plain(vertices, triangles, hw)),  # noqa: B023
            )
            for _ in range(options.repeats)
        ]
        ratios = [slow / fast for fast, slow in pairs]
        note(name, "times as fast", ratios)
        fast, slow = (1e3 * statistics.median(each) for each in zip(*pairs, strict=True))
        print(
            f"{name}: {fast:.2f} ms, the plain loop {slow:.2f} ms, "
            f"ratio {statistics.median(ratios):.2f} (min {min(ratios):.2f}, "
            f"max {max(ratios):.2f}, {len(pairs)} pairs)"
        )


if __name__ == "__main__":
    main()
