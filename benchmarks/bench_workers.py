"""What two workers make of two cores, and what the executor costs beside a bare process pool.

``python -m benchmarks.bench_workers`` makes a workspace, prepares shifted photographs of
scikit-image's astronaut up to ``reconstruct``, and then runs ``parse``, ``masks`` and ``poses``
from nothing, in turn: with one worker, with two, as two processes at once that each do half of the
shards by themselves, and by a bare pool of two. Seconds are those of the map, networks loaded
included. With ``--folder`` it stays there and, ended, goes on where it was.
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

ROOT = Path(__file__).resolve().parents[1]
STAGES = {"parse": "align", "masks": "reconstruct", "poses": "reconstruct"}
"""What is measured, and the stage whose output it maps."""
BEFORE = ("ingest", "detect", "align", "parse", "parts", "reconstruct")
SHARDS = 64
HALVES = ("lower", "upper")
POSES = {"images_per_subject": 100_000, "yaw_deg": [0.0, 30.0]}
"""All faces, so that the halves make what the whole makes; and few results of each."""
WAYS = {
    "one": (("all",), "processes", 1),
    "two": (("all",), "processes", 2),
    "plain": (HALVES, "serial", 1),
    "pool": (("all",), "pool", 2),
}
"""Data sets at once, executor, workers."""


def start(cwd: Path, stage: str, dataset: str, executor: str, workers: int) -> subprocess.Popen:
    """Start a stage."""
    environment = os.environ | {"CROSSBAND_WORKERS": str(workers), "PYTHONPATH": str(ROOT)}
    command = [f"stages.{stage}", dataset]
    if executor == "pool":
        command = ["benchmarks.bare_pool", stage, dataset]
    else:
        environment["CROSSBAND_EXECUTOR"] = executor
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def seconds(cwd: Path, stage: str, datasets: tuple[str, ...], executor: str, workers: int) -> float:
    """Map data sets from nothing, all at once; returns the seconds of the slowest."""
    for dataset in datasets:
        shutil.rmtree(cwd / "data" / dataset / stage, ignore_errors=True)
    running = [start(cwd, stage, dataset, executor, workers) for dataset in datasets]
    ends = [process.wait() for process in running]
    if any(ends):
        sys.exit(f"{stage} failed in {cwd}: see reports/logs there")
    reports = [cwd / f"reports/runs/{dataset}/{stage}.json" for dataset in datasets]
    return max(json.loads(report.read_text(encoding="utf-8"))["seconds"] for report in reports)


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
                link = target / f"shard-{index:05d}-of-{count:05d}.parquet"
                link.unlink(missing_ok=True)
                os.link(path, link)


def prepared(folder: Path, faces: int) -> Path:
    """Make the workspace, or go on with what is there of it."""
    cwd = folder / "workspace"
    if not (cwd / "params.yaml").exists():
        names = ("all", *HALVES)
        where = {"reader": "folder", "root": "images", "shards": SHARDS}
        each: dict[str, dict[str, object]] = {name: {} for name in names}
        values = {"datasets": dict.fromkeys(names, where), "face_datasets": each, "poses": POSES}
        workspace(folder, values)
        put(cwd / "images", 0, faces)
    if not (folder / "prepared").exists():
        subprocess.run([sys.executable, "-m", "stages.weights"], cwd=cwd, check=True)
        for stage in BEFORE:
            if start(cwd, stage, "all", "processes", 2).wait():
                sys.exit(f"{stage} failed in {cwd}: see reports/logs there")
        for stage in sorted(set(STAGES.values())):
            halve(cwd, stage)
        (folder / "prepared").touch()
    return cwd


def measure(cwd: Path, stage: str, repeats: int) -> None:
    """Run a stage in each way in turn and print the medians of the ratios of each round."""
    file = cwd.parent / f"{stage}.json"
    rounds = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    while len(rounds) < repeats:
        rounds.append({name: seconds(cwd, stage, *way) for name, way in WAYS.items()})
        file.write_text(json.dumps(rounds), encoding="utf-8")
    told = []
    for what, over, under in (
        ("two workers over one", "one", "two"),
        ("two plain processes over one worker", "one", "plain"),
        ("two workers over two plain processes", "plain", "two"),
        ("a bare pool of two over two workers", "two", "pool"),
    ):
        ratios = [each[over] / each[under] for each in rounds]
        note(f"{stage}: {what}", "times", ratios)
        told.append(f"{what} {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})")
    medians = (f"{name} {statistics.median(r[name] for r in rounds):.1f} s" for name in WAYS)
    print(f"{stage}, {len(rounds)} rounds: {', '.join(medians)}; {'; '.join(told)}", flush=True)


def main() -> None:
    """Measure in a folder that stays, or in one that does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where it stays and goes on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        cwd = prepared(folder, options.faces)
        for stage in STAGES:
            measure(cwd, stage, options.repeats)


if __name__ == "__main__":
    main()
