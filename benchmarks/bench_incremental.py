"""What ten new images cost in a data set of two thousand, what a no-op costs, and peak memory.

``python -m benchmarks.bench_incremental`` makes a workspace in a temporary folder, fills a plain
folder with shifted photographs of scikit-image's astronaut, runs ``dvc repro``, adds ten, runs it
again, and once more with nothing to do. Peak memory is that of the largest process of each stage,
for an eighth of the images and for all of them.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import skimage.data

from benchmarks.workspaces import repro, workspace
from pipeline.ops.codec import encode_jpeg

STAGES = ("ingest", "detect", "align", "parse", "parts")
ADDED = 10


def put(folder: Path, first: int, count: int) -> None:
    """Put images no two of which are alike."""
    astronaut = skimage.data.astronaut()[:400]
    for number in range(first, first + count):
        shifted = np.roll(astronaut, (number % 40, number // 40), axis=(0, 1))
        path = folder / f"s{number % 50:02d}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(np.ascontiguousarray(shifted), 95))


def computed(cwd: Path) -> dict[str, int]:
    """Return how many rows each stage computed in its last run."""
    runs = {stage: cwd / f"reports/runs/mine/{stage}.json" for stage in STAGES}
    return {stage: json.loads(path.read_text())["computed"] for stage, path in runs.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    count = parser.parse_args().images
    with tempfile.TemporaryDirectory() as folder:
        mine = {"reader": "folder", "root": "images", "shards": 64}
        cwd = workspace(Path(folder), {"datasets": {"mine": mine}, "face_datasets": {"mine": {}}})
        put(cwd / "images", 0, count // 8)
        few_seconds, few_memory = repro(cwd)
        shutil.rmtree(cwd / "data")
        put(cwd / "images", count // 8, count - count // 8)
        full_seconds, full_memory = repro(cwd)
        put(cwd / "images", count, ADDED)
        added_seconds, _ = repro(cwd)
        counts = computed(cwd)
        idle_seconds, _ = repro(cwd)
    print(f"{count // 8} images: {few_seconds:.0f} s, largest process {few_memory:.0f} MB")
    print(f"{count} images: {full_seconds:.0f} s, largest process {full_memory:.0f} MB")
    print(
        f"{ADDED} more: {added_seconds:.1f} s, {added_seconds / full_seconds:.1%} of the first "
        f"run; computed {counts}"
    )
    print(f"nothing to do: {idle_seconds:.1f} s")


if __name__ == "__main__":
    main()
