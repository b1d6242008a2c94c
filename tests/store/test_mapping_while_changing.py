"""The incremental map where the input changes between two looks, or a file rots."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import work

from pipeline.store import Listing, ShardFolder, StageKey, map_shards, mapping
from pipeline.store.executors import Processes, Serial, Threads
from pipeline.store.shards import shard_of

KEY = StageKey("stage", {}, {}, "code")
NAMES = [f"s{i}" for i in range(8)]


@pytest.fixture
def shout(tmp_path):
    return work.Shout(tmp_path / "log")


def go(folder, make, rows, *, load=dict, executor=None, few_rows=0):
    return map_shards(
        Listing(rows, 2, load),
        ShardFolder(folder, 2),
        schema=work.SCHEMA,
        key=KEY,
        make=make,
        batch_rows=4,
        executor=executor or Serial(),
        label="test",
        few_rows=few_rows,
    )


def test_an_image_that_changes_after_it_was_compared_is_no_other_images_outcome(tmp_path, shout):
    disk = dict.fromkeys(NAMES, b"one")
    rows = [work.make_image(name, b"") for name in NAMES]
    looks = []

    def load(row):
        name = row["sample_id"]
        looks.append(name)
        data = b"three" if looks.count(name) == 4 else disk[name]
        return work.make_image(name, data)

    def images():
        found = ShardFolder.open(tmp_path / "out").rows(["sample_id", "image"])
        return {row["sample_id"]: row["image"]["bytes"] for row in found}

    go(tmp_path / "out", shout, rows, load=load)  # the first look
    disk["s3"] = b"two"
    looks.append("s3")
    go(tmp_path / "out", shout, rows, load=load)  # compared as two, read as three
    assert looks.count("s3") == 4
    assert images()["s3"] == b"three" * 2
    go(tmp_path / "out", shout, rows, load=load)  # two again: it is computed, not taken for fresh
    assert images() == {name: data * 2 for name, data in disk.items()}


@pytest.mark.parametrize(
    ("executor", "few"), [(Serial(), 0), (Processes(2), 0), (Threads(), 0), (Processes(2), 99)]
)
def test_a_shard_that_rots_while_a_row_leaves_is_computed_anew(
    tmp_path, shout, monkeypatch, executor, few
):
    rows = [work.make_image(name) for name in NAMES]
    go(tmp_path / "out", shout, rows)
    go(tmp_path / "fresh", shout, rows[1:])
    name = ShardFolder.open(tmp_path / "out").shard(shard_of("s0", 2)).path.name
    rot(tmp_path / "out" / name)
    monkeypatch.delattr(mapping, "_function")  # a run of its own begins without
    go(tmp_path / "out", shout, rows[1:], executor=executor, few_rows=few)
    assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()


def rot(path):
    """Flip a bit of an image, as a disk does: no stamp tells."""
    before, data = path.stat(), bytearray(path.read_bytes())
    data[data.index(b"xx")] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
