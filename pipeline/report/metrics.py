"""Small numbers out of shard folders, read without their images."""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from pipeline.store import ShardFolder
from pipeline.types import Row


def share_by(folder: ShardFolder, column: str) -> dict[str, float]:
    """Return the share of rows by the value of a column, nulls as ``none``; sorted, 4 digits."""
    counts = Counter(_name(row[column]) for row in folder.rows([column]))
    total = counts.total()
    return {value: round(counts[value] / total, 4) for value in sorted(counts)}


def rejections(folder: ShardFolder, reason: str) -> Iterator[Row]:
    """Yield the rows of a stage's rejected table that have this reason."""
    columns = ["sample_id", "subject_id", "band", "view", "reason"]
    return (row for row in folder.rejected.rows(columns) if row["reason"] == reason)


def quantiles(values: Iterable[float]) -> dict[str, float | int]:
    """Return median, 95th percentile and count of the finite values; no number where none is."""
    finite = np.asarray([value for value in values if np.isfinite(value)])
    if not len(finite):
        return {"n": 0}
    median, p95 = np.percentile(finite, [50, 95])
    return {"median": round(float(median), 4), "p95": round(float(p95), 4), "n": len(finite)}


def _name(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
