"""What benchmarks found, for ``benchmarks/results.json``: numbers with machine and versions."""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

import psutil

RESULTS = Path(__file__).with_name("results.json")
NOTES = "CROSSBAND_BENCH_NOTES"
"""Names the file that a benchmark's own process notes its numbers in."""
NOT_RUN = 77
"""Exit status of a benchmark that lacks something, as automake's tests have it."""
LIBRARIES = ("crossband", "dvc", "duckdb", "numpy", "onnxruntime", "opencv-python", "pyarrow")
PEERS = (
    "daft", "datachain", "datasets", "face-alignment", "facexlib", "ray", "torch", "ultralytics",
)  # fmt: skip


def note(name: str, unit: str, values: Sequence[float], *, peer: str | None = None) -> None:
    """Note what repeated measurements gave, where ``make bench`` asks for it.

    Args:
        name: what was measured.
        unit: of the values, for example ``items/s``.
        values: one of each repetition.
        peer: who was measured, where it is not crossband.
    """
    if (file := os.environ.get(NOTES)) is None:
        return
    found = {"name": name, "peer": peer, "unit": unit, **spread(values)}
    with Path(file).open("a", encoding="utf-8") as notes:
        notes.write(json.dumps(found) + "\n")


def not_run(why: str) -> NoReturn:
    """End a benchmark that lacks something, and say what."""
    print(f"not run: {why}")
    sys.exit(NOT_RUN)


def noted(file: Path) -> list[dict[str, Any]]:
    """Return what a benchmark noted, nothing where it noted nothing."""
    return (
        [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        if file.exists()
        else []
    )


def put(results: Path, name: str, run: Mapping[str, Any]) -> None:
    """Put one benchmark's run in the place of its former one; all others stay."""
    runs = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    runs[name] = dict(run)
    partial = results.with_suffix(".partial")
    partial.write_text(json.dumps(dict(sorted(runs.items())), indent=1) + "\n", encoding="utf-8")
    partial.replace(results)


def kept(results: Path, revision: str) -> set[str]:
    """Return which benchmarks' results are those of a revision."""
    runs = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    return {name for name, run in runs.items() if run["revision"] == revision}


def revision() -> str:
    """Return the commit that is measured, marked where files differ from it, the results apart."""
    others = ["--untracked-files=no", "--", ".", f":!benchmarks/{RESULTS.name}"]
    head, changed = (
        subprocess.run(
            ["git", *words], capture_output=True, text=True, check=True, cwd=RESULTS.parents[1]
        ).stdout.strip()
        for words in (["rev-parse", "HEAD"], ["status", "--porcelain", *others])
    )
    return f"{head}-dirty" if changed else head


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, least, most and number of values."""
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "n": len(values),
    }


def machine() -> dict[str, Any]:
    """Return what the numbers depend on of this machine."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return {
        "processor": next(models, platform.processor()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": [round(each, 2) for each in os.getloadavg()],
        "system": platform.platform(),
    }


def peak_mb() -> float:
    """Return the most memory that this process has had, MiB; getrusage counts its parent's, too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def versions() -> dict[str, str | None]:
    """Return the versions of what computes, None where something is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in (*LIBRARIES, *PEERS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def table(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the numbers of benchmarks as a table."""
    rows = [
        (
            f"{name}: {each['name']}",
            each["peer"] or "crossband",
            f"{each['median']:g} {each['unit']}",
            f"{each['min']:g} to {each['max']:g}, n = {each['n']}",
        )
        for name, run in runs.items()
        for each in run["numbers"]
    ]
    head = ("what", "who", "median", "spread")
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )
