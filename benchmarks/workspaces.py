"""A workspace of its own for a benchmark of whole runs, and what a run takes."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil


def workspace(root: Path, values: dict[str, dict[str, Any]]) -> Path:
    """Make a workspace below ``root`` with these params and without the embedded sample."""
    datasets = {"sample": None, "scenes": None} | values.get("datasets", {})
    profile = root / "profile.json"
    profile.write_text(json.dumps(values | {"datasets": datasets}))
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
