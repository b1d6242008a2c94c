"""Bodies: detection, labelling and crops against a plain ``YOLO.predict`` loop; labelling alone.

Run: ``python -m benchmarks.bench_bodies``. Encoded frames in on both sides; ours gives labelled and
encoded crops, the plain loop only boxes. Ours runs as the stages do, in processes of one thread
each; the plain loop runs in this process, one frame at a time, with as many threads.
"""

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from benchmarks.timing import compare
from pipeline.bodies.labelling import MEASURES, label_bodies
from pipeline.params.crop_bodies import CropBodiesParams
from pipeline.params.detect_bodies import DetectBodiesParams
from pipeline.params.label_bodies import LabelBodiesParams
from pipeline.params.load import load_params
from pipeline.process import limit_threads
from pipeline.store import image_columns
from pipeline.store.mapping import BatchFunction
from pipeline.types import Region, Row
from pipeline.weights import fetch, load_registry

ROOT = Path(__file__).resolve().parents[1]
BATCH = 8
FRAME_HW = (720, 1280)

Sections = tuple[DetectBodiesParams, LabelBodiesParams, CropBodiesParams]
_steps: list[BatchFunction] = []


def frames(count: int) -> list[Row]:
    """Make frames of ultralytics' two photographs, shifted so that each differs."""
    import ultralytics

    assets = Path(ultralytics.__file__).parent / "assets"
    rows = []
    for index in range(count):
        image = cv2.imread(str(assets / ("bus.jpg", "zidane.jpg")[index % 2]))
        scale = FRAME_HW[0] / image.shape[0]
        image = cv2.resize(image, None, fx=scale, fy=scale)[:, : FRAME_HW[1]]
        frame = np.full((*FRAME_HW, 3), 114, np.uint8)
        frame[:, : image.shape[1]] = image
        frame = np.roll(frame, 7 * index, axis=1)
        data = cv2.imencode(".jpg", frame)[1].tobytes()
        rows.append(
            {"sample_id": f"m/0#{index:06d}", "band": "VIS", "truth_people": None}
            | {"region": str(Region.SCENE), "height_px": FRAME_HW[0], "width_px": FRAME_HW[1]}
            | image_columns(data, FRAME_HW, "frame.jpg")
        )
    return rows


def start(sections: Sections, weights: Path) -> None:
    """Build the stages' batch functions, once in each worker."""
    from pipeline.bodies.body_rows import body_rows
    from pipeline.bodies.crop_rows import crop_rows
    from pipeline.bodies.label_rows import label_rows

    limit_threads()
    _steps[:] = [
        body_rows(sections[0], weights),
        label_rows(sections[1]),
        crop_rows(sections[2]),
    ]


def work(rows: list[Row]) -> int:
    """Detect, label and crop; returns the number of crops."""
    for step in _steps[:2]:
        rows = [row for (row,) in step(rows)]
        for row in rows:
            for body in row["bodies"]:
                body.setdefault("track_id", None)
    return sum(len(outcome) for outcome in _steps[2](rows))


def bench_frames(options: argparse.Namespace) -> None:
    """Compare frames per second."""
    params = load_params(ROOT / "params.yaml")
    sections = params.detect_bodies, params.label_bodies, params.crop_bodies
    (weights,) = fetch(["yolo11n_pose"], load_registry(ROOT / "weights.yaml"), ROOT / "weights")
    rows = frames(options.frames)
    batches = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
    import torch
    from ultralytics import YOLO

    torch.set_num_threads(options.threads)
    plain = YOLO(weights.path)

    def predict() -> int:
        found = 0
        for row in rows:
            encoded = np.frombuffer(row["image"]["bytes"], np.uint8)
            image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
            (result,) = plain.predict(image, imgsz=640, device="cpu", verbose=False)
            found += len(result.boxes)
        return found

    pool = ProcessPoolExecutor(
        options.threads, get_context("spawn"), start, (sections, weights.path)
    )
    with pool:
        crops = sum(pool.map(work, batches))
        print(f"{crops} crops; the plain loop finds {predict()} people")
        compare(
            f"detect + label + crop, {options.threads} workers of one thread",
            lambda: sum(pool.map(work, batches)),
            predict,
            baseline_name=f"YOLO.predict, float32, {options.threads} threads, boxes only",
            items=len(rows),
            repeats=options.repeats,
        )


def bench_labelling(boxes: int) -> None:
    """Label many boxes of many frames, with each measure."""
    rng = np.random.default_rng(0)
    of_frame = 5
    frame = np.repeat(np.arange(boxes // of_frame), of_frame)
    corner = rng.uniform(0, 1000, (len(frame), 2))
    bodies = np.hstack([corner, corner + rng.uniform(50, 300, (len(frame), 2))])
    faces = np.hstack([corner + 10, corner + 40])
    subjects = np.tile(np.arange(of_frame), boxes // of_frame)
    for measure in MEASURES:
        begin = time.perf_counter()
        labelling = label_bodies(
            bodies, rng.uniform(size=len(frame)), frame, faces, frame, subjects, measure=measure
        )
        seconds = time.perf_counter() - begin
        labelled = np.mean(labelling.outcomes == "labelled")
        print(
            f"labelling {len(frame):,} boxes, {measure}: {seconds:.2f} s, {labelled:.1%} labelled"
        )


def main() -> None:
    """Measure both."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--frames", type=int, default=48)
    arguments.add_argument("--boxes", type=int, default=1_000_000)
    arguments.add_argument("--repeats", type=int, default=5)
    options = arguments.parse_args()
    bench_labelling(options.boxes)
    with tempfile.TemporaryDirectory() as config:
        os.environ |= {"YOLO_CONFIG_DIR": config, "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "false"}
        bench_frames(options)


if __name__ == "__main__":
    main()
