"""What ten new pictures cost in a data set of two thousand, what a no-op costs, and peak memory.

``python -m benchmarks.bench_incremental`` makes a workspace in a temporary folder, fills a plain
folder with shifted photographs of scikit-image's astronaut, runs ``dvc repro``, adds ten, runs it
again, and once more with nothing to do. Peak memory is that of the largest process of each stage,
for an eighth of the pictures and for all of them.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import skimage.data

from pipeline.ops.codec import encode_jpeg

STAGES = ("ingest", "detect", "align", "parse", "parts")
ADDED = 10


def put(folder: Path, first: int, count: int) -> None:
    """Put pictures no two of which are alike."""
    astronaut = skimage.data.astronaut()[:400]
    for number in range(first, first + count):
        shifted = np.roll(astronaut, (number % 40, number // 40), axis=(0, 1))
        path = folder / f"s{number % 50:02d}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(np.ascontiguousarray(shifted), 95))


def workspace(root: Path) -> Path:
    """Make a workspace with a folder data set and nothing else."""
    profile = root / "profile.json"
    mine = {"reader": "folder", "root": "pictures", "shards": 64}
    profile.write_text(
        json.dumps(
            {
                "datasets": {"sample": None, "scenes": None, "mine": mine},
                "face_datasets": {"sample": None, "mine": {}},
                "body_datasets": {"scenes": None},
                "protocols": {"sample": None, "scenes": None},
                "sample": {"openpeople": None, "procedural": None, "scenes": None},
            }
        )
    )
    target = root / "workspace"
    command = ["crossband", "workspace", str(target), "--profile", str(profile)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target


def repro(cwd: Path) -> tuple[float, float]:
    """Run ``dvc repro``; returns seconds and the largest resident set of a process below it, MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        ["dvc", "repro"], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    peak = 0.0
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))  # type: ignore[union-attr]
    reader.start()
    while process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                peak = max(peak, child.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.1)
    reader.join()
    if process.returncode:
        sys.exit(errors[0].decode())
    return time.perf_counter() - start, peak


def computed(cwd: Path) -> dict[str, int]:
    """Return how many rows each stage computed in its last run."""
    runs = {stage: cwd / f"reports/runs/mine/{stage}.json" for stage in STAGES}
    return {stage: json.loads(path.read_text())["computed"] for stage, path in runs.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    count = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as folder:
        cwd = workspace(Path(folder))
        put(cwd / "pictures", 0, count // 8)
        few_seconds, few_memory = repro(cwd)
        shutil.rmtree(cwd / "data")
        put(cwd / "pictures", count // 8, count - count // 8)
        full_seconds, full_memory = repro(cwd)
        put(cwd / "pictures", count, ADDED)
        added_seconds, _ = repro(cwd)
        counts = computed(cwd)
        idle_seconds, _ = repro(cwd)
    print(f"{count // 8} pictures: {few_seconds:.0f} s, largest process {few_memory:.0f} MB")
    print(f"{count} pictures: {full_seconds:.0f} s, largest process {full_memory:.0f} MB")
    print(
        f"{ADDED} more: {added_seconds:.1f} s, {added_seconds / full_seconds:.1%} of the first "
        f"run; computed {counts}"
    )
    print(f"nothing to do: {idle_seconds:.1f} s")


if __name__ == "__main__":
    main()
