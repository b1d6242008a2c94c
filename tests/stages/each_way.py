"""Runs stages as `python each_way.py STAGE…` in a workspace, each row computed in every way.

Every map is done in this process; then, again and again, some of its rows are taken away and
computed anew by other processes, too. Prints a line for each map whose bytes differ.

Workers are forked from a process that has loaded the libraries and the stages, and no network: 26
of them would load them for a minute.
"""

import multiprocessing
import os
import sys
from importlib import import_module
from pathlib import Path

import stages  # noqa: F401 - first: it is what a stage's process begins with
from pipeline.params.load import load_params
from pipeline.store import REJECTED, executors
from pipeline.store.shards import ShardWriter
from stages.run import StageRun

FEW_ROWS = 2
WAYS = [("processes", 2, 1), ("processes", 2, FEW_ROWS + 1)]
"""Executor, workers, and how many of the rows are stale: one, by this process, and by workers."""
LIBRARIES = ["cv2", "numba", "onnxruntime", "pyarrow.parquet", "scipy", "torch"]
OURS = "pipeline.bodies.yolo"  # imports ultralytics so that it asks for no host

mapped = StageRun.map


def forked_workers(_):
    """Stand in for ``get_context``."""
    context = multiprocessing.get_context("forkserver")
    chosen = [f"stages.{name}" for name in sys.argv[1:]]
    context.set_forkserver_preload(["__main__", *LIBRARIES, OURS, *chosen])
    return context


executors.get_context = forked_workers
executors.die_with_parent = lambda parent: None  # a worker's parent is the process it is forked of


def map_each_way(stage, source, schema, make, **options):
    """Stand in for ``StageRun.map``."""

    def made(executor, workers):
        os.environ.update(CROSSBAND_EXECUTOR=executor, CROSSBAND_WORKERS=str(workers))
        folder = mapped(stage, source, schema, make, **options | {"few_rows": FEW_ROWS})
        return folder, {path: path.read_bytes() for path in sorted(folder.path.rglob("shard-*"))}

    folder, first = made("serial", 1)
    rows = stage.summary.rows_in
    if stage.summary.computed != rows or rows <= FEW_ROWS + 1:
        print(f"each way: {stage.stage}: expected more rows, all computed: {stage.summary}")
    for executor, workers, stale in WAYS:
        take_away(folder, schema, stale)
        again = made(executor, workers)[1]
        if stage.summary.computed != stale:
            print(f"each way: {stage.stage}: {stale} stale, {stage.summary.computed} computed")
        names = [path.name for path in first if first[path] != again.get(path)]
        if names or again.keys() != first.keys():
            print(f"each way: {stage.stage}, {stale} by {workers} {executor}: {names} differ")
    return folder


def take_away(folder, schema, count):
    """Take away what was made of the first so many input rows."""
    files = [(folder.shard(i), schema) for i in range(folder.count)]
    files += [(folder.rejected.shard(i), REJECTED) for i in range(folder.count)]
    kept = {file.path: list(rows_of(file, kind)) for file, kind in files}
    prints = list(dict.fromkeys(row["fingerprint"] for rows in kept.values() for row in rows))
    gone = set(prints[:count])
    for file, kind in files:
        with ShardWriter(file.path, kind) as writer:
            other = folder if kind is REJECTED else folder.rejected
            theirs = {row["fingerprint"] for row in kept[other.path / file.path.name]}
            rows = [row for row in kept[file.path] if row["fingerprint"] not in gone]
            writer.write(rows)
            writer.shared += dict.fromkeys(
                row["fingerprint"] for row in rows if row["fingerprint"] in theirs
            )


def rows_of(file, schema):
    for batch in file.batches(schema.names):
        yield from batch


if __name__ == "__main__":
    StageRun.map = map_each_way
    for name in sys.argv[1:]:
        run = import_module(f"stages.{name}").run
        if name == "weights":
            run()
        else:
            run(StageRun(name, "mine", load_params(Path("params.yaml"))))
