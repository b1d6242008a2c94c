"""What a stage does beside its map: planning, counts, metrics, figures, for 10,000 rows.

``python -m benchmarks.bench_serial WORKSPACE`` takes the outputs of a finished run, writes their
rows again and again under new names (with black images, which are small), and runs each stage on
them twice with an executor that does no work: with every row's fingerprint right, and with every
one wrong. What is left is what no worker shares. The start of the interpreter is not counted.

Without a workspace it says how to make one.
"""

import argparse
import contextlib
import importlib
import io
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq

import pipeline.store.mapping
import stages.run
from benchmarks.results import not_run, note
from pipeline.params.load import load_params
from pipeline.readers import read_dataset
from pipeline.store import ShardFolder, StageKey, shard_of
from pipeline.store.columns import IMAGE
from pipeline.store.shards import ShardWriter
from pipeline.types import Row
from stages.run import StageRun

SHARDS = 64
BUDGET = 5.0, 2e-6
"""Seconds for each stage, and for each row."""
KEY = StageKey("bench", {}, {}, "")
WRONG = "0" * 64

STAGES = {
    "sample": {
        "ingest": "source/again",
        "detect": "ingest",
        "align": "detect",
        "parse": "align",
        "parts": "parse",
        "attributes": "align",
        "reconstruct": "parts",
        "masks": "reconstruct",
        "poses": "reconstruct",
        "degrade": "align",
        "protocols": "ingest",
    },
    "scenes": {
        "detect_bodies": "ingest",
        "label_bodies": "detect_bodies",
        "crop_bodies": "label_bodies",
    },
}
"""By data set: stages, and what each reads."""


class NoWork:
    """An executor that leaves everything as it is."""

    def run(self, *_: object) -> Iterator[object]:
        """Run nothing."""
        return iter(())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--stages", nargs="*", default=[])
    options = parser.parse_args()
    if options.workspace is None:
        not_run("needs a workspace in which `dvc repro` has run: see its --help")
    former = options.workspace.resolve()
    stages.run.executor_from_environment = NoWork  # type: ignore[assignment]
    pipeline.store.mapping.Threads = NoWork  # type: ignore[assignment, misc]
    StageRun.key = lambda *_: KEY  # type: ignore[method-assign, assignment]
    for dataset, sources in STAGES.items():
        for stage, source in sources.items():
            if not options.stages or stage in options.stages:
                with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                    measure(former, dataset, stage, source, options.rows)


def measure(former: Path, dataset: str, stage: str, source: str, rows: int) -> None:
    """Print the seconds of one stage."""
    module = importlib.import_module(f"stages.{stage}")
    for name in ("weights.yaml", "weights"):
        Path(name).symlink_to(former / name)
    params = (former / "params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(
        re.sub(r"\bshards: \d+", f"shards: {SHARDS}", params), encoding="utf-8"
    )
    there = former / "data" / dataset
    given = Path("data", dataset, source)
    contents = copy_rows(there / source.replace("source/again", "ingest"), given, rows, own)
    if stage == "ingest":
        listing = read_dataset(dataset, load_params(Path("params.yaml")).datasets[dataset])
        contents = {row["sample_id"]: row["content_sha256"] for row in listing.rows}
    if (there / "train_degrader").is_dir():
        shutil.copytree(there / "train_degrader", Path("data", dataset, "train_degrader"))
    seconds, out = {}, Path("data", dataset, stage)
    for what, fingerprint in (
        ("nothing", lambda name: _fingerprint(name, contents)),
        ("everything", lambda name: WRONG),
    ):
        if stage != "protocols":
            shutil.rmtree(out, ignore_errors=True)
            copy_rows(there / stage, out, rows, fingerprint)
        run = StageRun(stage, dataset, load_params(Path("params.yaml")))
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            start = time.perf_counter()
            module.run(run)
            seconds[what] = time.perf_counter() - start
    for what, took in seconds.items():
        note(f"{stage}@{dataset}, {what} computed", "s", [took])
    found = len(contents)
    budget = BUDGET[0] + BUDGET[1] * found
    print(
        f"{stage}@{dataset}: {found} rows in, serial {seconds['nothing']:.2f} s with nothing "
        f"computed, {seconds['everything']:.2f} s with everything; budget {budget:.2f} s",
        flush=True,
    )


def own(name: str) -> str:
    """Return a fingerprint that nobody asks for."""
    return WRONG


def copy_rows(
    former: Path, target: Path, count: int, fingerprint: Callable[[str], str]
) -> dict[str, str]:
    """Write a folder's rows again under new names until there are so many.

    Returns:
        The content digest of each row by its name.
    """
    folder, made = ShardFolder.open(former), ShardFolder(target, SHARDS)
    pairs = [(folder, made), (folder.rejected, made.rejected)]
    for number, (old, new) in enumerate(pairs):
        if not old.shard(0).path.exists():
            continue
        schema = pq.read_schema(old.shard(0).path)
        rows = [blank(row, schema) for row in old.rows(schema.names)]
        if number == 0:
            copies = -(-count // len(rows))
        placed: list[list[tuple[str, int, Row]]] = [[] for _ in range(SHARDS)]
        for copy in range(copies):
            for row in rows:
                name = f"{copy:05d}/{row['sample_id']}"
                placed[shard_of(name, SHARDS)].append((name, copy, row))
        for index, items in enumerate(placed):
            with ShardWriter(new.shard(index).path, schema) as writer:
                for name, copy, row in sorted(items, key=lambda item: item[0]):
                    more = {"sample_id": name, "fingerprint": fingerprint(name)}
                    if number == 0:
                        more |= {"content_sha256": None}
                    more |= {"subject_id": f"{row['subject_id']}.{copy % 40}"}
                    writer.write([row | more])
    table = made.table(["sample_id", "content_sha256"])
    return dict(zip(*(column.to_pylist() for column in table.columns), strict=True))


def blank(row: Row, schema: Any) -> Row:
    """Put black images in the place of a row's, of the same sizes."""
    return row | {
        field.name: {"bytes": _black(row[field.name]["bytes"]), "path": "x"}
        for field in schema
        if field.type == IMAGE and row[field.name] is not None
    }


def _black(data: bytes) -> bytes:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return bytes(cv2.imencode(".png", np.zeros_like(image))[1])


def _fingerprint(name: str, contents: dict[str, str]) -> str:
    """Return the fingerprint of what is made from the row that a name begins with."""
    while name not in contents and "#" in name:
        name = name.rpartition("#")[0]
    return KEY.fingerprint(contents[name]) if name in contents else WRONG


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
