"""What it costs to notice damage: digests and checksums, beside the run that they belong to.

``python -m benchmarks.bench_verify WORKSPACE`` takes a workspace in which `dvc repro` has run from
nothing. For each stage's output it measures, in processor seconds of one core: the digest of each
row when it is written (its stored form is made once more for that), the digest of each row that the
stages behind read, the seal, and pages read with their checksums compared. The share is of the
seconds that the stages took, times the workers they had.

Without a workspace it says so.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.results import not_run, note
from pipeline.store import ShardFolder, is_shard_folder
from pipeline.store.content import content_sha256
from pipeline.store.rows import rows_from_table, table_from_rows
from pipeline.store.seal import check_whole
from pipeline.store.shards import ShardFile

READ_BY = {
    "detect": "ingest",
    "align": "detect",
    "parse": "align",
    "attributes": "align",
    "degrade": "align",
    "parts": "parse",
    "reconstruct": "parts",
    "masks": "reconstruct",
    "poses": "reconstruct",
    "detect_bodies": "ingest",
    "label_bodies": "detect_bodies",
    "crop_bodies": "label_bodies",
}
"""What each stage reads whole."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path, nargs="?")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    if options.workspace is None:
        not_run("needs a workspace in which `dvc repro` has run: see its --help")
    spent = took = 0.0
    for folder in sorted(path for path in (options.workspace / "data").glob("*/*")):
        run = options.workspace / "reports/runs" / folder.parent.name / f"{folder.name}.json"
        if is_shard_folder(folder) and run.exists():
            cost = measure(folder, list(READ_BY.values()).count(folder.name))
            seconds = json.loads(run.read_text(encoding="utf-8"))["seconds"] * options.workers
            print(
                f"{folder.parent.name}/{folder.name}: {cost:.2f} s of {seconds:.1f} s", flush=True
            )
            spent, took = spent + cost, took + seconds
    if not took:
        not_run(f"{options.workspace}: needs outputs that `dvc repro` made")
    note("noticing damage", "of what the stages took", [spent / took])
    print(f"all: {spent:.1f} s of {took:.1f} s, {spent / took:.1%}")


def measure(folder: Path, readers: int) -> float:
    """Return the processor seconds that one output costs, read by so many stages."""
    shards = ShardFolder.open(folder)
    total = 0.0
    for index in range(shards.count):
        file = shards.shard(index)
        total += readers * max(0.0, timed(read, file, True) - timed(read, file, False))
        total += timed(check_whole, file.path)
        for table in groups(file):
            rows = rows_from_table(table)
            digest = timed(lambda rows=rows, table=table: digests(rows, table.schema))
            again = table_from_rows(rows, table.schema)
            total += (1 + readers) * digest + timed(rows_from_table, again)
    return total


def groups(file: ShardFile) -> Iterator[pa.Table]:
    """Yield a table of each row group."""
    with pq.ParquetFile(file.path) as opened:
        yield from map(opened.read_row_group, range(opened.num_row_groups))


def digests(rows: list[dict[str, object]], schema: pa.Schema) -> None:
    """Take the digest of each row."""
    for row in rows:
        content_sha256(row, schema)


def read(file: ShardFile, compared: bool) -> None:
    """Read all of a file."""
    with pq.ParquetFile(file.path, page_checksum_verification=compared) as opened:
        for group in range(opened.num_row_groups):
            opened.read_row_group(group, use_threads=False)


def timed(function: Callable[..., object], *arguments: object) -> float:
    """Return the processor seconds of a call."""
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
