"""What the stage ``ingest`` shows: shares of bands, splits, and what is simulated."""

from typing import Any

from pipeline.report.query import Tables
from pipeline.store import ShardFolder


def ingest_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``ingest`` output: ``share`` of rows by band, split and ``simulated``."""
    tables = Tables.of(folder, "band, split, simulated")
    return {"share": {column: tables.shares(column) for column in ("band", "split", "simulated")}}
