"""What two workers make of two cores, against one worker and two plain processes of the same work.

``python -m benchmarks.bench_workers`` makes a workspace in a temporary folder, prepares shifted
photographs of scikit-image's astronaut up to ``reconstruct``, and then runs ``parse``, ``masks``
and ``poses`` from nothing, in turn: with one worker, with two, and as two processes at once that
each do half of the shards by themselves. Seconds are those of the map, networks loaded included.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.bench_incremental import put
from benchmarks.results import note
from benchmarks.workspaces import workspace

STAGES = {"parse": "align", "masks": "reconstruct", "poses": "reconstruct"}
"""What is measured, and the stage whose output it maps."""
BEFORE = ("ingest", "detect", "align", "parse", "parts", "reconstruct")
SHARDS = 64
HALVES = ("lower", "upper")
POSES = {"images_per_subject": 100_000, "yaw_deg": [0.0, 30.0]}
"""All faces, so that the halves make what the whole makes; and few results of each."""


def start(cwd: Path, stage: str, dataset: str, executor: str, workers: int) -> subprocess.Popen:
    """Start a stage."""
    environment = os.environ | {"CROSSBAND_EXECUTOR": executor, "CROSSBAND_WORKERS": str(workers)}
    command = [sys.executable, "-m", f"stages.{stage}", dataset]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def seconds(cwd: Path, stage: str, datasets: tuple[str, ...], executor: str, workers: int) -> float:
    """Map data sets from nothing, all at once; returns the seconds of the slowest."""
    for dataset in datasets:
        shutil.rmtree(cwd / "data" / dataset / stage, ignore_errors=True)
    running = [start(cwd, stage, dataset, executor, workers) for dataset in datasets]
    if any(process.wait() for process in running):
        sys.exit(f"{stage} failed in {cwd}")
    reports = [cwd / f"reports/runs/{dataset}/{stage}.json" for dataset in datasets]
    return max(json.loads(report.read_text())["seconds"] for report in reports)


def halve(cwd: Path, stage: str) -> None:
    """Make two data sets of a stage's output: a sample lies where half as many shards place it."""
    count = SHARDS // len(HALVES)
    for part, half in enumerate(HALVES):
        for folder in ("", "rejected"):
            target = cwd / "data" / half / stage / folder
            target.mkdir(parents=True, exist_ok=True)
            source = cwd / "data" / "all" / stage / folder
            shards = sorted(source.glob("*.parquet"))[part * count : (part + 1) * count]
            for index, path in enumerate(shards):
                os.link(path, target / f"shard-{index:05d}-of-{count:05d}.parquet")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        names = ("all", *HALVES)
        where = {"reader": "folder", "root": "images", "shards": SHARDS}
        datasets = dict.fromkeys(names, where)
        faces: dict[str, dict[str, object]] = {name: {} for name in names}
        values = {"datasets": datasets, "face_datasets": faces, "poses": POSES}
        cwd = workspace(Path(folder), values)
        put(cwd / "images", 0, options.faces)
        subprocess.run([sys.executable, "-m", "stages.weights"], cwd=cwd, check=True)
        for stage in BEFORE:
            seconds(cwd, stage, ("all",), "processes", 2)
        for stage in sorted(set(STAGES.values())):
            halve(cwd, stage)
        for stage in STAGES:
            measure(cwd, stage, options.repeats)


def measure(cwd: Path, stage: str, repeats: int) -> None:
    """Run a stage in the three ways in turn and print the medians of the ratios of each round."""
    rounds = []
    for _ in range(repeats):
        one = seconds(cwd, stage, ("all",), "processes", 1)
        two = seconds(cwd, stage, ("all",), "processes", 2)
        plain = seconds(cwd, stage, HALVES, "serial", 1)
        rounds.append((one, two, plain))
    ones, twos, plains = zip(*rounds, strict=True)
    gain, reach, share = (
        statistics.median(slow / fast for slow, fast in zip(slows, fasts, strict=True))
        for slows, fasts in ((ones, twos), (ones, plains), (plains, twos))
    )
    note(
        f"{stage}: two workers over one", "times", [a / b for a, b in zip(ones, twos, strict=True)]
    )
    reached = [a / b for a, b in zip(plains, twos, strict=True)]
    note(f"{stage}: two workers over two plain processes", "times", reached)
    print(
        f"{stage}: one worker {statistics.median(ones):.1f} s, two {statistics.median(twos):.1f} s "
        f"({gain:.2f} times one), two plain processes {statistics.median(plains):.1f} s "
        f"({reach:.2f} times one); two workers reach {share:.2f} of the plain ones"
    )


if __name__ == "__main__":
    main()
