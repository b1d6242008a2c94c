"""What benchmarks found, for ``benchmarks/results.json``: numbers with machine and versions."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).with_name("results.json")
NOTES = "CROSSBAND_BENCH_NOTES"
"""Names the file that a benchmark's own process notes its numbers in."""
LIBRARIES = ("crossband", "dvc", "duckdb", "numpy", "onnxruntime", "opencv-python", "pyarrow")
PEERS = ("datasets", "facexlib", "face-alignment", "ray", "torch", "ultralytics")


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
    with Path(file).open("a") as notes:
        notes.write(json.dumps(found) + "\n")


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
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return {
        "processor": next(models, platform.processor()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": [round(each, 2) for each in os.getloadavg()],
        "system": platform.platform(),
    }


def versions() -> dict[str, str | None]:
    """Return the versions of what computes, None where something is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in (*LIBRARIES, *PEERS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def table(notes: Iterable[dict[str, Any]]) -> str:
    """Return the numbers as a table."""
    rows = [
        (
            f"{each['benchmark']}: {each['name']}",
            each["peer"] or "crossband",
            f"{each['median']:g} {each['unit']}",
            f"{each['min']:g} to {each['max']:g}, n = {each['n']}",
        )
        for each in notes
    ]
    head = ("what", "who", "median", "spread")
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )
