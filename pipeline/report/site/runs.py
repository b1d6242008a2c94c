"""What stages left: each run of a stage with its numbers, rows, sheets and curves."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.report.stage_graph import StageEntry, read_entries
from pipeline.report.summary import LEFT_OUT, summary_of
from pipeline.store import ShardFolder, is_shard_folder

REPORTS = Path("reports")


@dataclass(frozen=True)
class StageOutput:
    """One run of a stage, relative to the project's folder, which is the current one.

    Attributes:
        entry: what ``dvc.yaml`` says of it.
        metrics: what it wrote into ``reports/metrics``; empty where it writes none.
    """

    entry: StageEntry
    metrics: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What DVC calls it."""
        return self.entry.name

    @property
    def page(self) -> str:
        """Name of its page and of its folder of images."""
        return f"{self.entry.stage}.{self.entry.key}"

    @property
    def anchor(self) -> str:
        """The name as a part of an address."""
        return self.name.replace("@", "-")

    @cached_property
    def folder(self) -> ShardFolder | None:
        """Its rows, None where it makes none."""
        return next(_folders(self.entry.outs), None)

    @cached_property
    def inputs(self) -> list[ShardFolder]:
        """The rows that it read."""
        return list(_folders(self.entry.deps))

    @property
    def rejected(self) -> dict[str, int]:
        """Rejected samples by reason."""
        return dict(self.metrics.get("rejected", {}))

    @property
    def lossless(self) -> bool:
        """Whether it says that it rejected nothing: what is known need not be read."""
        return self.metrics.get("rejected") == {}

    @property
    def left_out(self) -> int:
        """How many of ``rejected`` left by a choice of the params."""
        return sum(count for reason, count in self.rejected.items() if reason in LEFT_OUT)

    @property
    def lost(self) -> int:
        """How many of ``rejected`` left for something about themselves."""
        return sum(self.rejected.values()) - self.left_out

    @property
    def run_file(self) -> Path:
        """Where it says how long it took."""
        path = next((p for p in self.entry.reports if p.startswith("reports/metrics/")), "")
        return REPORTS / "runs" / Path(path).relative_to("reports/metrics") if path else REPORTS

    def numbers(self) -> dict[str, float]:
        """Return the few numbers that runs are compared by."""
        return summary_of(self.entry.stage, self.metrics)

    def files(self, kind: str, *suffixes: str) -> list[str]:
        """Return its reports of a kind, ``contact`` or ``figures`` or ``curves``, that exist."""
        return [
            path
            for path in dict.fromkeys(self.entry.reports)
            if path.startswith(f"reports/{kind}/")
            and path.endswith(suffixes)
            and Path(path).exists()
        ]


def read_outputs(project: Path) -> list[StageOutput]:
    """Return the runs of stages that have left their metrics, in the order of ``dvc.yaml``."""
    found = []
    for entry in read_entries(project):
        paths = [path for path in entry.reports if path.startswith("reports/metrics/")]
        if paths and Path(paths[0]).exists():
            found.append(StageOutput(entry, json.loads(Path(paths[0]).read_text(encoding="utf-8"))))
    return found


def flat(metrics: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield all values of metrics with their dotted names, as text."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        elif value is not None:
            yield f"{above}{name}", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)


def _folders(paths: tuple[str, ...]) -> Iterator[ShardFolder]:
    return (ShardFolder.open(Path(path)) for path in paths if is_shard_folder(Path(path)))
