"""What the views of heat cost: the stage ``detect`` with ``detect.thermal_views`` and without.

Run in a project after ``dvc repro``: ``python -m benchmarks.bench_views``, or name a folder of its
shards by ``--rows``. The same LWIR and MWIR images are shown in all views and in a single pass
(equalised, not turned), in turn; both decode the image and fit the mesh. Times are process time,
one thread. Images in which one of the two finds no face are left out: it would have no mesh to fit.
"""

import argparse
import statistics
import time
from pathlib import Path

import cv2
from threadpoolctl import threadpool_limits

from benchmarks.results import not_run, note
from pipeline.detection.rows import detect_rows
from pipeline.params.load import load_params
from pipeline.store import ShardFolder
from pipeline.store.mapping import BatchFunction
from pipeline.types import HEAT_BANDS, Row
from pipeline.weights import fetch, load_registry

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("yunet", "face_mesh_468")
SMALL_PX = 400
"""Of the longer side: smaller images are enlarged for some of the views."""


def ways() -> tuple[BatchFunction, BatchFunction]:
    """Return how the stage looks at rows of heat: in views, and once."""
    files = fetch(NAMES, load_registry(ROOT / "weights.yaml"), ROOT / "weights")
    yunet, mesh = (item.path for item in files)
    views = load_params(ROOT / "params.yaml").detect
    once = views.model_copy(update={"thermal_views": (), "try_turned": False})
    first, second = (detect_rows(params, {"yunet": yunet}, mesh) for params in (views, once))
    return first, second


def seconds(look: BatchFunction, rows: list[Row]) -> float:
    """Return the process time that rows take."""
    start = time.process_time()
    look(rows)
    return time.process_time() - start


def heat(folder: Path, most: int) -> list[Row]:
    """Return rows of images of heat, spread over all there are."""
    keys = ["sample_id", "band", "height_px", "width_px", "image"]
    rows = [row for row in ShardFolder.open(folder).rows(keys) if row["band"] in HEAT_BANDS]
    return rows[:: max(1, -(-len(rows) // most))]


def main() -> None:
    """Print the ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=Path, default=ROOT / "data/sample/ingest")
    arguments.add_argument("--images", type=int, default=24)
    arguments.add_argument("--repeats", type=int, default=20)
    options = arguments.parse_args()
    cv2.setNumThreads(1)
    threadpool_limits(1)
    views, once = ways()
    if not options.rows.is_dir():
        not_run(f"{options.rows}: needs a stage's output, made by `dvc repro`")
    seen = [
        row
        for row in heat(options.rows, options.images)
        if all(isinstance(look([row])[0][0], dict) for look in (views, once))
    ]
    if not seen:
        not_run(f"{options.rows} holds no heat")
    small = [row for row in seen if max(row["height_px"], row["width_px"]) < SMALL_PX]
    large = [row for row in seen if max(row["height_px"], row["width_px"]) >= SMALL_PX]
    for what, rows in (("all", seen), ("small ones", small), ("large ones", large)):
        if not rows:
            continue
        pairs = [(seconds(views, rows), seconds(once, rows)) for _ in range(options.repeats)]
        ratios = [many / one for many, one in pairs]
        each_ms = 1e3 * statistics.median(one for _, one in pairs) / len(rows)
        note(f"views of heat, {what}", "times one pass", ratios)
        print(
            f"{what}, {len(rows)} images: {statistics.median(ratios):.2f} × a single pass "
            f"({min(ratios):.2f} to {max(ratios):.2f}) of {each_ms:.1f} ms"
        )


if __name__ == "__main__":
    main()
