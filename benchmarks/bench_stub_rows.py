"""What the store itself costs for very many rows: stubs mapped by a function that does nothing.

``python -m benchmarks.bench_stub_rows --rows 1000000 --shards 100`` maps them from nothing, once
more with nothing to do, and once with some new rows. It prints rows a second and the
driver's peak memory beyond its start; docs/scaling.md sizes clusters by that.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from benchmarks.results import note, peak_mb
from pipeline.store import (
    LazyRows,
    Listing,
    ShardFolder,
    StageKey,
    executor_from_environment,
    map_shards,
)
from pipeline.store.columns import field
from pipeline.store.mapping import BatchFunction
from pipeline.types import Row

SCHEMA = pa.schema(
    [
        field("sample_id", pa.string(), null=False),
        field("subject_id", pa.string()),
        field("band", pa.string(), null=False),
        field("content_sha256", pa.string(), null=False),
        field("fingerprint", pa.string(), null=False),
    ],
    metadata={"version": "1"},
)


@dataclass(frozen=True)
class StubRows(LazyRows):
    """Rows that are numbers until somebody asks."""

    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Row]:
        for number in self.numbers:
            digest = f"{number:064x}"
            yield {"sample_id": f"{number:09d}", "band": "VIS", "content_sha256": digest}

    def sample_ids(self) -> Iterator[str]:
        """Yield the ids alone."""
        return (f"{number:09d}" for number in self.numbers)

    def take(self, indices: Sequence[int]) -> "StubRows":
        """Return some of the rows."""
        return StubRows([self.numbers[index] for index in indices])


def same() -> BatchFunction:
    """Build the function that does nothing."""
    return lambda rows: [[row] for row in rows]


def mapped(folder: Path, rows: int, shards: int) -> float:
    """Map so many rows; returns the seconds."""
    start = time.perf_counter()
    map_shards(
        Listing(StubRows(range(rows)), shards, dict),
        ShardFolder(folder, shards),
        schema=SCHEMA,
        key=StageKey("stub", {}, {}, ""),
        make=same,
        batch_rows=1000,
        executor=executor_from_environment(),
        label="stub rows",
    )
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--shards", type=int, default=20)
    options = parser.parse_args()
    before = peak_mb()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "out")
        more = options.rows + options.shards
        for what, rows in (
            ("from nothing", options.rows),
            ("nothing to do", options.rows),
            ("a few more", more),
        ):
            seconds = mapped(folder, rows, options.shards)
            note(what, "rows/s", [rows / seconds])
            print(
                f"{what}: {rows} rows in {options.shards} shards, {seconds:.1f} s, "
                f"{rows / seconds:.0f} rows/s; driver's peak {peak_mb() - before:.0f} MB beyond "
                "its start"
            )


if __name__ == "__main__":
    main()
