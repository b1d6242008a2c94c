"""Run benchmarks, one after the other, each in a process of its own: ``make bench``.

``python -m benchmarks [name …]`` prints what each prints, then a table, and after each one puts
its numbers, with revision, machine and versions, into ``benchmarks/results.json``; those of others
stay. All take hours: ``--resume`` leaves out what this revision has, and the longest go on where
they were ended. ``--small`` takes sizes that only show that each starts and ends, keeping nothing.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.results import (
    NOT_RUN,
    NOTES,
    RESULTS,
    kept,
    machine,
    noted,
    put,
    revision,
    table,
    versions,
)

HERE = Path(__file__).parent

SMALL: dict[str, list[str]] = {
    "body_training": ["--steps=2", "--repeats=1"],
    "bodies": ["--frames=8", "--boxes=10000", "--repeats=1"],
    "dmfr": ["--batch=12", "--rounds=1"],
    "exports": ["--repeats=1"],
    "incremental": ["--images=40"],
    "ingest": ["--images=128", "--repeats=1"],
    "masks": ["--images=20", "--repeats=1"],
    "measures": ["--count=1000", "--repeats=1"],
    "parse": ["--repeats=1"],
    "peers": ["--images=60", "--repeats=1"],
    "pose_truth": ["--people=1"],
    "poses": ["--repeats=1"],
    "protocols": ["--share=0.005", "--repeats=1"],
    "sample_set": ["--memory-rows=2000", "--open-rows=2000", "--repeats=1"],
    "serial": ["--rows=200"],
    "stub_rows": ["--rows=2000", "--shards=4"],
    "training": ["--repeats=1"],
    "video": ["--frames=80"],
    "views": ["--images=4", "--repeats=1"],
    "workers": ["--faces=32", "--repeats=1"],
}
"""Arguments that make a benchmark short."""

OF_A_RUN: dict[str, tuple[list[str], str]] = {
    "bands": (["--data"], "data/sample"),
    "exports": (["--source"], "data/sample/ingest"),
    "serial": ([], ""),
    "thermal": (["--data"], "data/sample"),
    "verify": ([], ""),
    "views": (["--rows"], "data/sample/ingest"),
}
"""What measures a finished run: the option that names it, and what of it."""


STAYS = ("incremental", "workers")
"""What takes long and, ended, goes on in its folder, which stays until it has ended well."""
WHERE = Path("build/bench")


def arguments(name: str, options: argparse.Namespace) -> list[str]:
    """Return what a benchmark is called with."""
    given = SMALL.get(name, []) if options.small else []
    if name in OF_A_RUN and options.workspace is not None:
        option, part = OF_A_RUN[name]
        given = [*given, *option, str(options.workspace / part)]
    if name in STAYS and not options.small:
        given = [*given, "--folder", str(WHERE / revision() / name)]
    return given


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one benchmark; returns its numbers, what it printed, and how it ended.

    One that takes longer than allowed is ended with all its processes.
    """
    print(f"# {name}", flush=True)
    about = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": revision(),
        "machine": machine(),
        "versions": versions(),
    }
    with tempfile.TemporaryDirectory() as folder:
        notes, out = Path(folder, "notes"), Path(folder, "out")
        with out.open("wb") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", f"benchmarks.bench_{name}", *arguments(name, options)],
                env=os.environ | {NOTES: str(notes)},
                stdout=printed,
                start_new_session=True,
            )
            code = ended(process, 60 * options.minutes)
        lines = out.read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join(lines), flush=True)
        return about | {"exit": code, "printed": lines, "numbers": noted(notes)}


def ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Wait for a process; returns its exit status, None where it took too long."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"ended after {seconds / 60:g} minutes", flush=True)
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def parsed(known: list[str]) -> argparse.Namespace:
    """Return what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="all by default")
    parser.add_argument("--small", action="store_true", help="short, and keep nothing")
    parser.add_argument("--resume", action="store_true", help="not those that this revision has")
    parser.add_argument("--minutes", type=float, default=120.0, help="most for one (120)")
    parser.add_argument("--workspace", type=Path, help="of a finished run, for those that want one")
    options = parser.parse_args()
    options.names = [name.removeprefix("bench_") for name in options.names] or known
    if unknown := set(options.names) - set(known):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}: expected of {known}")
    if options.workspace is not None:
        options.workspace = options.workspace.resolve()
    return options


def main() -> None:
    """Run what is named, all by default; fails at the end if one failed."""
    known = sorted(file.stem.removeprefix("bench_") for file in HERE.glob("bench_*.py"))
    options = parsed(known)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends its benchmark
    done = kept(RESULTS, revision()) if options.resume else set()
    runs = {}
    for name in options.names:
        if name not in done:
            runs[name] = run(name, options)
            if not options.small and runs[name]["exit"] == 0:
                put(RESULTS, name, runs[name])
                shutil.rmtree(WHERE / revision() / name, ignore_errors=True)
    print(table(runs))
    ends = {name: about["exit"] for name, about in runs.items()}
    if absent := [name for name, code in ends.items() if code == NOT_RUN]:
        print(f"not run, for want of something: {', '.join(absent)}")
    if failed := [name for name, code in ends.items() if code not in (0, NOT_RUN)]:
        sys.exit(f"{', '.join(failed)} failed")


if __name__ == "__main__":
    main()
