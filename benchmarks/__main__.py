"""Run benchmarks, one after the other, each in a process of its own: ``make bench``.

``python -m benchmarks [name …]`` prints what each prints, then a table, and writes
``benchmarks/results.json``: machine, versions, revision, and of each number its median and spread.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.results import NOTES, RESULTS, machine, table, versions

HERE = Path(__file__).parent


def run(name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run one benchmark; returns the numbers that it noted, and what it printed."""
    print(f"# {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder, "notes")
        process = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"],
            env=os.environ | {NOTES: str(notes)},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        print(process.stdout, end="", flush=True)
        lines = notes.read_text().splitlines() if notes.exists() else []
    found = [{"benchmark": name.removeprefix("bench_"), **json.loads(line)} for line in lines]
    return found, {"exit": process.returncode, "printed": process.stdout.splitlines()}


def main() -> None:
    """Run what is named, all by default; fails at the end if one failed."""
    known = sorted(file.stem for file in HERE.glob("bench_*.py"))
    asked = [f"bench_{name.removeprefix('bench_')}" for name in sys.argv[1:]] or known
    if unknown := set(asked) - set(known):
        sys.exit(f"no benchmark is called {', '.join(sorted(unknown))}: expected of {known}")
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    about = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": head.stdout.strip(),
        "machine": machine(),
        "versions": versions(),
    }
    runs = {name: run(name) for name in asked}
    numbers = [number for found, _ in runs.values() for number in found]
    printed = {name: about for name, (_, about) in runs.items()}
    RESULTS.write_text(json.dumps(about | {"numbers": numbers, "runs": printed}, indent=1) + "\n")
    print(table(numbers))
    if failed := [name for name, (_, about) in runs.items() if about["exit"]]:
        sys.exit(f"{', '.join(failed)} failed")


if __name__ == "__main__":
    main()
