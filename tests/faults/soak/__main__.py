"""Does harm to the tiny run for as long as it takes: ``make soak``.

Ended, it goes on where it was. The first time it makes the undisturbed run, which takes minutes.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from flips import flip_and_repro
from kills import kill_and_run_again, trial
from platformdirs import site_cache_dir, user_cache_dir
from results import Results
from tiny_run import make_tiny, prepare
from traces import outside


def main():
    known = argparse.ArgumentParser(description=__doc__)
    known.add_argument("folder", type=Path, help="holds the workspaces and the results")
    known.add_argument("--kills", type=int, default=100, help="trials of kill -9, all in all")
    known.add_argument("--flips", type=int, default=300, help="bits that flip, all in all")
    known.add_argument("--batch", type=int, default=100, help="bits that flip before one run")
    known.add_argument("--minutes", type=float, default=1e9, help="begin no trial after so many")
    given = known.parse_args()
    given.end = time.monotonic() + 60 * given.minutes
    given.folder.mkdir(parents=True, exist_ok=True)
    pristine, harmed = prepare(given.folder, make_tiny)
    touched = touched_outside(given.folder)
    kills = soak_kills(pristine, harmed, given)
    flips = soak_flips(pristine, harmed, given)
    print("# Outside the workspace, caches and the temporary folder\n\n" + "\n".join(touched))
    print("\n# Kills\n\n" + kills.table("killed", "outcome"))
    print("\n" + kills.table("stage", "outcome"))
    print("\n# Flipped bits\n\n" + flips.table("stage", "kind", "outcome"))
    bad = kills.bad() + flips.bad()
    for row in bad:
        print(row)
    return 1 if bad or touched else 0


def touched_outside(folder):
    """What the undisturbed run did outside: see ``traces``."""
    note = folder / "trace.txt"
    if not note.exists():
        print("found no strace: what the run touches was not noted")
        return []
    caches = (user_cache_dir("crossband"), site_cache_dir("dvc"), "/var/tmp/dvc")
    return outside(note, folder / "pristine", tempfile.gettempdir(), *caches)


def soak_kills(pristine, harmed, given):
    results = Results(given.folder / "kills.jsonl")
    seconds = {row["stage"]: row["seconds"] for row in results.rows}
    stages = sorted(pristine.outputs())
    for number in range(given.kills):
        if number not in results and time.monotonic() < given.end:
            harmed.busy.touch()
            row = kill_and_run_again(pristine, harmed, trial(number, stages), seconds)
            results.add(row)
            harmed.busy.unlink(missing_ok=True)
            print(f"kill {number}: {row}", flush=True)
    return results


def soak_flips(pristine, harmed, given):
    results = Results(given.folder / "flips.jsonl")
    for number in range(-(-given.flips // given.batch)):
        known = any(row["trial"].startswith(f"{number}/") for row in results.rows)
        if known or time.monotonic() > given.end:
            continue
        harmed.busy.touch()
        rows, others = flip_and_repro(pristine, harmed, number, given.batch)
        for row in rows:
            results.add(row)
        for name in others:
            results.add(rows[0] | {"trial": f"{number}/other", "outcome": f"other: {name}"})
        harmed.busy.unlink(missing_ok=True)
        print(f"flips {number}: {len(rows)}, others: {others}", flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main())
