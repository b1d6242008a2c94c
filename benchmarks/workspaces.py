"""A workspace of its own for a benchmark of whole runs, and what a run takes."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil


def workspace(root: Path, values: dict[str, dict[str, Any]]) -> Path:
    """Make a workspace below ``root`` with these params and without the embedded sample."""
    datasets = {"sample": None, "scenes": None} | values.get("datasets", {})
    profile = root / "profile.json"
    profile.write_text(json.dumps(values | {"datasets": datasets}), encoding="utf-8")
    target = root / "workspace"
    command = ["crossband", "workspace", str(target), "--profile", str(profile)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target


@dataclass(frozen=True)
class Took:
    """What a run took.

    Attributes:
        seconds: by the clock.
        peak_mb: the largest resident set of a process below it.
        processor_s: seconds of a core, of all its processes; other work on the machine hardly
            changes it.
    """

    seconds: float = 0.0
    peak_mb: float = 0.0
    processor_s: float = 0.0


def repro(cwd: Path, *, spent: Path | None = None) -> Took:
    """Run ``dvc repro``.

    Args:
        cwd: the workspace.
        spent: where it is kept as it runs what it takes, so that a run which was ended and goes on
            counts whole.
    """
    before = Took()
    if spent is not None and spent.exists():
        before = Took(**json.loads(spent.read_text(encoding="utf-8")))
    start, ended = time.perf_counter(), _processor_s(os.times())
    peak, living = before.peak_mb, 0.0
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            ["dvc", "repro"], cwd=cwd, stdout=subprocess.DEVNULL, stderr=errors
        )
        while process.poll() is None:
            now, living = below(process.pid)
            peak = max(peak, now)
            if spent is not None:
                elapsed = time.perf_counter() - start
                so_far = Took(before.seconds + elapsed, peak, before.processor_s + living)
                spent.write_text(json.dumps(asdict(so_far)), encoding="utf-8")
            time.sleep(0.1)
        if process.returncode:
            errors.seek(0)
            sys.exit(errors.read().decode())
    elapsed = time.perf_counter() - start
    used = _processor_s(os.times()) - ended
    return Took(before.seconds + elapsed, peak, before.processor_s + used)


def _processor_s(times: Any) -> float:
    """Return the seconds of all ended children, and of theirs."""
    return float(times.children_user + times.children_system)


def below(pid: int) -> tuple[float, float]:
    """Return the largest resident set below a process, MB, and the seconds of a core used there."""
    largest = used = 0.0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    for each in family:
        try:
            times = each.cpu_times()
            used += times.user + times.system + _processor_s(times)
            if each != root:
                largest = max(largest, each.memory_info().rss / 1e6)
        except psutil.NoSuchProcess:
            continue
    return largest, used
