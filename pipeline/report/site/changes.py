"""What changed since the last run, and how long stages took: what is no output of DVC.

It stands in ``reports/runs``: ``report.json`` keeps the numbers of this run and of the last one
that had others, ``report.js`` is what the pages read.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.store.whole import write_whole

Numbers = dict[str, dict[str, float]]
"""The numbers of each run of a stage, by its name."""


def differences(
    before: Mapping[str, Mapping[str, float]], now: Mapping[str, Mapping[str, float]]
) -> list[tuple[str, str, float | None, float | None]]:
    """Return stage, number, value before and value now of all that differ; None is no value."""
    return [
        (stage, number, old.get(number), new.get(number))
        for stage in sorted({*before, *now})
        for old, new in [(before.get(stage, {}), now.get(stage, {}))]
        for number in dict.fromkeys([*old, *new])
        if old.get(number) != new.get(number)
    ]


def record(runs: Path, now: Numbers, stages: Mapping[str, Path]) -> None:
    """Compare with the last run, keep this one's numbers, and write what the pages read.

    Args:
        runs: the folder ``reports/runs``.
        now: this run's numbers.
        stages: for each run of a stage the file in which it says how long it took.
    """
    kept = runs / "report.json"
    former = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    before = former.get("before")
    if "now" in former and former["now"] != now:
        before = former["now"]
    seconds = {name: took for name, path in stages.items() if (took := _seconds(path)) is not None}
    changes = None if before is None else differences(before, now)
    write_whole(kept, json.dumps({"now": now, "before": before}, indent=2))
    words = json.dumps({"seconds": seconds, "changes": changes}, indent=1)
    write_whole(runs / "report.js", f"window.crossbandRun = {words};\n")


def _seconds(path: Path) -> float | None:
    """Return how long a stage's last run took that computed anything."""
    if not path.exists():
        return None
    found = list(_all_seconds(json.loads(path.read_text(encoding="utf-8"))))
    return round(sum(found), 2) if found else None


def _all_seconds(value: Any) -> list[float]:
    if not isinstance(value, dict):
        return []
    own = [float(value["seconds"])] if "seconds" in value else []
    return own + [one for each in value.values() for one in _all_seconds(each)]
