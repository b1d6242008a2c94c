"""Masks: crossband's renderer against a plain numpy one, and the way from the image.

Run: ``python -m benchmarks.bench_masks``. One thread. Both renderers draw the same triangles of the
same mask at 256 × 256, textured and shaded; ours also anti-aliases, casts the shadow and draws the
ear loops. Times are process time, so that a busy machine distorts them little. Last, the stages
``reconstruct`` and ``masks`` run over a folder of images with one worker and with two: seconds of
the clock, start of the workers included, which only an idle machine of two cores or more shows.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut
from threadpoolctl import threadpool_limits

from benchmarks.bench_incremental import put
from benchmarks.results import note
from benchmarks.timing import compare
from benchmarks.workspaces import workspace
from pipeline.detection import make_detector
from pipeline.face3d.map_codec import encode_mesh_map
from pipeline.face3d.mesh import FaceMesh
from pipeline.face3d.position_map import visible_fraction
from pipeline.ops.geometry import warp_affine
from pipeline.ops.templates import CONTEXT, warp_to_template
from pipeline.synthesis.masks.drawn import drawn_design
from pipeline.synthesis.masks.fit import place
from pipeline.synthesis.masks.photograph import photograph_of
from pipeline.synthesis.masks.render import composite, draw_mask
from pipeline.synthesis.masks.scene import Scene
from pipeline.synthesis.masks.surface import grid_uv, surface_on, surface_triangles
from pipeline.types import Float32, UInt8
from pipeline.weights import fetch, load_registry

ROOT = Path(__file__).resolve().parents[1]
SIDE_PX, LARGE_PX = 256, 512
FACES_PX = (300, 480)
"""Heights of the faces that are masked in an image of ``LARGE_PX``."""
DESIGNS = ("surgical_blue", "kn95_white", "cloth_checked")
MEASURED = ("reconstruct", "masks")


def plain_renderer(
    image: UInt8, mesh_xyz: Float32, rgba: UInt8, texture_to_design: np.ndarray
) -> UInt8:
    """Draw the mask as public code does it: z-buffer and bilinear lookup, a triangle at a time."""
    surface = surface_on(mesh_xyz)
    vertices = surface.taut_xyz
    side = rgba.shape[0]
    texel = (grid_uv() @ texture_to_design[:, :2].T + texture_to_design[:, 2]) * side - 0.5
    depth = np.full(image.shape[:2], np.inf)
    out = image.astype(np.float64)
    for triangle in surface_triangles():
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = vertices[triangle].astype(np.float64)
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area <= 0:
            continue
        left, right = int(np.ceil(min(ax, bx, cx))), int(np.floor(max(ax, bx, cx)))
        top, bottom = int(np.ceil(min(ay, by, cy))), int(np.floor(max(ay, by, cy)))
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, image.shape[1] - 1), min(bottom, image.shape[0] - 1)
        if left > right or top > bottom:
            continue
        x, y = np.meshgrid(np.arange(left, right + 1), np.arange(top, bottom + 1))
        wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
        wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
        wa = 1 - wb - wc
        z = wa * az + wb * bz + wc * cz
        inside = (wa >= 0) & (wb >= 0) & (wc >= 0) & (z < depth[y, x])
        if not inside.any():
            continue
        a, b, c = texel[triangle]
        at = wa[inside, None] * a + wb[inside, None] * b + wc[inside, None] * c
        at = np.clip(at, 0, side - 1.001)
        low = at.astype(int)
        fx, fy = (at - low).T[..., None]
        colour = (rgba[low[:, 1], low[:, 0]] * (1 - fx) + rgba[low[:, 1], low[:, 0] + 1] * fx) * (
            1 - fy
        ) + (
            rgba[low[:, 1] + 1, low[:, 0]] * (1 - fx) + rgba[low[:, 1] + 1, low[:, 0] + 1] * fx
        ) * fy
        alpha = colour[:, 3:] / 255
        rows, columns = y[inside], x[inside]
        depth[rows, columns] = z[inside]
        out[rows, columns] = out[rows, columns] * (1 - alpha) + colour[:, :3] * alpha
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def best_ms(call: Callable[[], object], repeats: int) -> float:
    """Return the least process time of a call, milliseconds."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def drawing_ms(image: UInt8, mesh_xyz: Float32, face_px: int, repeats: int) -> float:
    """Return the median process time of one mask drawn on a face of a height, milliseconds.

    With all that a photograph brings: blur, grain, tones, shadow, loops.
    """
    middle, height = np.float32(LARGE_PX / 2), float(np.ptp(mesh_xyz[:, 1]))
    scale = face_px / height
    shift = middle - scale * mesh_xyz[:, :2].mean(axis=0)
    matrix = np.column_stack([np.diag([scale, scale]), shift])
    face = np.asarray(warp_affine(image, matrix, (LARGE_PX, LARGE_PX)), np.uint8)
    mesh = np.column_stack([mesh_xyz[:, :2] * scale + shift, mesh_xyz[:, 2] * scale])
    mesh = mesh.astype(np.float32)
    known = np.full(face.shape[:2], 255, np.uint8)
    scene = Scene(known=known, photo=photograph_of(face, known, max(scale, 1.0)))
    times = []
    for name in DESIGNS:
        design = drawn_design(name)
        placement = place(design, "proper", 0.0, np.random.default_rng(0))
        draw_mask(face, mesh, design, placement, scene=scene)
        for _ in range(repeats):
            start = time.process_time()
            draw_mask(face, mesh, design, placement, scene=scene)
            times.append(1e3 * (time.process_time() - start))
    note(f"a mask on a face of {face_px} px", "ms", times)
    return statistics.median(times)


def worker_ratio(images: int, repeats: int) -> None:
    """Print how much quicker two workers are than one."""
    with tempfile.TemporaryDirectory() as folder:
        mine = {"reader": "folder", "root": "images", "shards": 16}
        cwd = workspace(Path(folder), {"datasets": {"mine": mine}, "face_datasets": {"mine": {}}})
        put(cwd / "images", 0, images)
        for stage in ("weights", "ingest", "detect", "align", "parse", "parts"):
            run_stage(cwd, stage, workers=2)
        for stage in MEASURED:
            run_stage(cwd, stage, workers=2)  # compiles what is compiled once
        pairs = []
        for _ in range(repeats):
            pair = []
            for workers in (1, 2):
                for stage in MEASURED:
                    shutil.rmtree(cwd / "data/mine" / stage, ignore_errors=True)
                pair.append(sum(run_stage(cwd, stage, workers) for stage in MEASURED))
            pairs.append(pair)
    one, two = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(slow / fast for slow, fast in pairs)
    print(
        f"{' and '.join(MEASURED)}, {images} faces: one worker {one:.1f} s, two {two:.1f} s, "
        f"ratio {ratio:.2f}"
    )


def run_stage(cwd: Path, stage: str, workers: int) -> float:
    """Run a stage in a workspace; returns the seconds that its rows took."""
    command = [sys.executable, "-m", f"stages.{stage}"]
    command += [] if stage == "weights" else ["mine"]
    environment = os.environ | {"CROSSBAND_WORKERS": str(workers), "PYTHONPATH": str(cwd)}
    subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True)
    report = cwd / f"reports/runs/mine/{stage}.json"
    return (
        float(json.loads(report.read_text(encoding="utf-8"))["seconds"])
        if report.is_file()
        else 0.0
    )


def main() -> None:
    """Print ratio and milliseconds."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repeats", type=int, default=20)
    arguments.add_argument("--images", type=int, default=400, help="of the runs with workers")
    options = arguments.parse_args()
    cv2.setNumThreads(1)
    threadpool_limits(1)
    names = ("yunet", "face_mesh_468")
    registry = load_registry(ROOT / "weights.yaml")
    yunet, mesh_file = (item.path for item in fetch(names, registry, ROOT / "weights"))
    detector, network = make_detector("yunet", {"yunet": yunet}), FaceMesh(mesh_file)
    portrait = astronaut()
    five = detector.detect(portrait).landmarks_xy[:1]
    to_crop = warp_to_template(five[0], CONTEXT) * 0.5
    image = warp_affine(portrait, to_crop, (SIDE_PX, SIDE_PX))
    moved = five @ to_crop[:, :2].T + to_crop[:, 2]
    mesh = network.points(image, moved.astype(np.float32))[0][0]
    design = drawn_design("surgical_blue")
    placement = place(design, "proper", 0.0, np.random.default_rng(0))
    rgba = np.dstack([design.rgb, design.alpha])

    def ours() -> UInt8:
        return composite(image, draw_mask(image, mesh, design, placement))

    def reconstruct_and_mask() -> UInt8:
        encode_mesh_map(mesh)
        visible_fraction(mesh)
        return ours()

    def from_image() -> UInt8:
        points = detector.detect(portrait).landmarks_xy[:1]
        found = network.points(portrait, points)[0][0]
        encode_mesh_map(found)
        return composite(portrait, draw_mask(portrait, found, design, placement))

    compare(
        "one mask at 256 × 256",
        ours,
        lambda: plain_renderer(image, mesh, rgba, placement.texture_to_design),
        baseline_name="numpy, a triangle at a time",
        items=1,
        repeats=options.repeats,
    )
    print(
        f"reconstruct and one mask at 256: {best_ms(reconstruct_and_mask, options.repeats):.1f} ms"
    )
    for face_px in FACES_PX:
        took = drawing_ms(image, mesh, face_px, options.repeats)
        print(f"one mask at 512 × 512, a face of {face_px} px: {took:.1f} ms (median)")
    print(f"from the image of 512, detected: {best_ms(from_image, options.repeats):.1f} ms")
    worker_ratio(options.images, max(options.repeats // 7, 1))


if __name__ == "__main__":
    main()
