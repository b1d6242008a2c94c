"""No row gets lost for good: whatever ends a run, the next one's rows are those of a fresh one.

Rows are of segments: nineteen of twenty frames are taken in, one is rejected, so that what a
segment gives lies in two files.
"""

import errno
import os
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import StageError
from pipeline.store import Listing, ShardFolder, StageKey, map_shards
from pipeline.store.columns import IDENTITY, field
from pipeline.store.executors import Serial
from pipeline.types import Rejected

SCHEMA = pa.schema(
    [
        *IDENTITY,
        field("band", pa.string(), null=False),
        field("region", pa.string(), null=False),
        field("of", pa.string(), null=False),
        field("content_sha256", pa.string(), null=False),
        field("fingerprint", pa.string(), null=False),
    ],
    metadata={"version": "1"},
)
LOST = 7


def frames(row):
    return [
        Rejected("unreadable", "cut off", f"{n:06d}")
        if n == LOST
        else row | {"sample_id": f"{row['sample_id']}#{n:06d}"}
        for n in range(20)
    ]


def segment(name, of="0"):
    return {"sample_id": name, "dataset": "d", "band": "VIS", "region": "scene", "of": of}


FORMER = [segment("gone"), segment("kept"), segment("edited")]
LATTER = [segment("added"), segment("edited", "1"), segment("kept")]


def run(rows, folder):
    return map_shards(
        Listing(rows, 1, dict),
        ShardFolder(folder, 1),
        schema=SCHEMA,
        key=StageKey("s", {}, {}, ""),
        make=lambda: lambda batch: [frames(row) for row in batch],
        batch_rows=2,
        executor=Serial(),
        label="s",
    )


def files(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """By the name of the rows, the files of a run from nothing."""
    found = {}
    for name, rows in (("former", FORMER), ("latter", LATTER)):
        folder = tmp_path_factory.mktemp(name) / "out"
        run(rows, folder)
        found[name] = files(folder)
    return found


def at_each_call(monkeypatch, when, act):
    """Act before or after one call that makes bytes last; ``when`` counts both from 0."""
    number, fsync, replace = count(), os.fsync, Path.replace

    def interrupted(call):
        def instead(*arguments):
            mine = next(number) == when // 2
            if mine and when % 2 == 0:
                act()
            result = call(*arguments)
            if mine and when % 2:
                act()
            return result

        return instead

    monkeypatch.setattr(os, "fsync", interrupted(fsync))
    monkeypatch.setattr(Path, "replace", interrupted(replace))
    return number


CALLS = 6  # two files and the note that they are whole, each synced and put in place


def test_a_run_makes_so_many_calls_that_could_be_its_last(tmp_path, monkeypatch):
    number = at_each_call(monkeypatch, 99, lambda: None)
    run(LATTER, tmp_path / "out")
    assert next(number) == CALLS


@pytest.mark.parametrize("when", range(2 * CALLS))
@pytest.mark.parametrize("before", [[], FORMER], ids=["nothing", "former"])
@pytest.mark.parametrize("after", ["latter", "former"])
def test_a_kill_loses_nothing(tmp_path, monkeypatch, fresh, when, before, after):
    out = tmp_path / "out"
    if before:
        run(before, out)
    if (child := os.fork()) == 0:
        try:
            at_each_call(monkeypatch, when, lambda: os._exit(9))
            run(LATTER, out)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    run({"latter": LATTER, "former": FORMER}[after], out)
    assert files(out) == fresh[after]


@pytest.mark.parametrize("when", range(2 * CALLS))
def test_a_full_disk_loses_nothing(tmp_path, monkeypatch, fresh, when):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "out"
    run(FORMER, out)
    with monkeypatch.context() as patch:
        at_each_call(patch, when, full)
        with pytest.raises(StageError, match="full"):
            run(LATTER, out)
    run(LATTER, out)
    assert files(out) == fresh["latter"]


@pytest.mark.parametrize("name", ["", "rejected/"])
@pytest.mark.parametrize("left", [None, 0, 100, -9])
def test_a_file_that_is_removed_or_cut_off_is_made_again(tmp_path, fresh, name, left):
    out = tmp_path / "out"
    run(LATTER, out)
    path = out / f"{name}shard-00000-of-00001.parquet"
    data = path.read_bytes()
    path.unlink()
    if left is not None:
        path.write_bytes(data[:left])
    assert run(LATTER, out).computed == 3
    assert files(out) == fresh["latter"]


@pytest.mark.parametrize("name", ["", "rejected/"])
def test_a_file_of_a_former_run_is_made_again(tmp_path, fresh, name):
    """As when a backup or a power failure brings back one of the two."""
    out, path = tmp_path / "out", f"{name}shard-00000-of-00001.parquet"
    run(LATTER, out)
    (out / path).write_bytes(fresh["former"][path])
    assert run(LATTER, out).computed == 2
    assert files(out) == fresh["latter"]
