"""Pose synthesis: crossband's textured head against scikit-image's piecewise affine warp.

Run: ``python -m benchmarks.bench_poses``. One context 512 × 512 crop, one thread. The warp
moves the same vertices, but knows neither depth nor what is hidden, and fills nothing.
"""

import argparse
import timeit
from itertools import cycle

import cv2
import numpy as np
import skimage.data
from skimage.transform import PiecewiseAffineTransform, warp

from benchmarks.timing import compare
from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.head_pose import rotation_matrix
from pipeline.ops.geometry import warp_affine
from pipeline.synthesis.poses.head import mean_reach, spread_head, turn_points
from pipeline.synthesis.poses.render import posable_head
from pipeline.types import Float32, UInt8

TURNS_DEG = (-60.0, -30.0, 0.0, 0.1, 1.0, 10.0, 30.0, 60.0)
HW = (512, 512)
SAME = np.eye(2, 3)


def face() -> tuple[UInt8, Float32]:
    """Return a context crop of the astronaut and a mesh over the face."""
    crop = np.array([[3.2, 0.0, -460.0], [0.0, 3.2, -70.0]])
    context = np.asarray(warp_affine(skimage.data.astronaut(), crop, HW), np.uint8)
    placed = 20.0 * canonical_vertices() @ rotation_matrix(8.0, 0.0, 0.0).T + (256.0, 290.0, 0.0)
    return context, placed.astype(np.float32)


def main() -> None:
    """Time both sides in alternation and print the ratio."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repeats", type=int, default=3)
    options = arguments.parse_args()
    cv2.setNumThreads(0)
    context, mesh = face()

    turn = cycle(TURNS_DEG)
    head = posable_head(context, mesh)
    everything = np.ones(HW, np.float32)
    before, _ = spread_head(mesh, head.pose, mean_reach(), everything)

    def theirs() -> None:
        after = turn_points(before, head.pose, next(turn), 0.0)
        moved = PiecewiseAffineTransform()
        moved.estimate(after[:, :2], before[:, :2])
        warp(context, moved, output_shape=HW)

    def ours_once() -> None:
        head.render(next(turn), 0.0, SAME, HW)

    compare(
        "a pose, the head's texture made before",
        ours_once,
        theirs,
        baseline_name="scikit-image's PiecewiseAffineTransform",
        items=1,
        repeats=options.repeats,
    )
    seconds = min(timeit.repeat(lambda: posable_head(context, mesh), number=1, repeat=10))
    print(f"a head's texture, once a face: {seconds * 1e3:.0f} ms (best of 10)")


if __name__ == "__main__":
    main()
