"""What the stage ``ingest`` shows: who was taken in which band, splits, what is simulated."""

from collections.abc import Iterable
from typing import Any

from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.types import Band

_NOBODY = "(no subject)"


def ingest_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``ingest`` output: ``share`` of rows by band, split and ``simulated``."""
    tables = Tables.of(folder, "band, split, simulated")
    return {"share": {column: tables.shares(column) for column in ("band", "split", "simulated")}}


def subjects_by_bands(folder: ShardFolder, most: int = 10) -> str:
    """Return a table of text: how many images each subject has in each band.

    Args:
        folder: an ``ingest`` output.
        most: subjects with a line of their own; the others are counted in the last line alone.
    """
    tables = Tables.of(folder, f"coalesce(subject_id, '{_NOBODY}') AS subject, band")
    found = tables.ask("SELECT subject, band, count(*) FROM rows GROUP BY ALL ORDER BY ALL")
    counts: dict[str, dict[str, int]] = {}
    for subject, band, count in found:
        counts.setdefault(subject, {})[band] = count
    bands = [str(band) for band in Band if any(band in each for each in counts.values())]
    total = {band: sum(each.get(band, 0) for each in counts.values()) for band in bands}
    last = f"all {len(counts.keys() - {_NOBODY})} subjects"
    width = max(len(name) for name in [last, *list(counts)[:most]])

    def line(name: str, cells: Iterable[object]) -> str:
        return f"  {name:<{width}}" + "".join(f"{cell:>8}" for cell in cells)

    lines = [line("", bands)]
    shown = list(counts.items())[:most]
    lines += [line(name, [each.get(band, 0) for band in bands]) for name, each in shown]
    if len(counts) > most:
        lines.append(f"  … and {len(counts) - most} more")
    return "\n".join([*lines, line(last, total.values())])
