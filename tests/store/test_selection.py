"""A stage that works on some rows of its input."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.store import ShardFolder, select
from pipeline.store.columns import field
from pipeline.store.shards import ShardWriter, shard_of

SCHEMA = pa.schema(
    [
        field("sample_id", pa.string()),
        field("subject_id", pa.string()),
        field("band", pa.string()),
        field("split", pa.string()),
        field("content_sha256", pa.string()),
    ]
)


@pytest.fixture
def folder(tmp_path):
    rows = [
        {"sample_id": f"{s}/{b}{n}", "subject_id": s, "band": b, "split": split}
        for s, split in (("a", "train"), ("b", None), ("c", "test"))
        for b in ("NIR", "VIS")
        for n in range(5)
    ]
    made = ShardFolder(tmp_path, 3)
    for index in range(3):
        with ShardWriter(made.shard(index).path, SCHEMA) as writer:
            mine = sorted(
                (row for row in rows if shard_of(row["sample_id"], 3) == index),
                key=lambda row: row["sample_id"],
            )
            writer.write(row | {"content_sha256": None} for row in mine)
    return made


def chosen(folder, **changes):
    rules = {"bands": ["VIS"], "splits": ["train"], "per_subject": 99, "seed": 1} | changes
    return select(folder, **rules)


def ids(selection):
    shards = map(selection.shard, range(selection.count))
    return {row["sample_id"] for shard in shards for batch in shard.batches() for row in batch}


def test_bands_and_splits_are_taken_and_no_split_counts_as_train(folder):
    assert ids(chosen(folder)) == {f"{s}/VIS{n}" for s in "ab" for n in range(5)}
    assert ids(chosen(folder, splits=["test"], bands=["NIR"])) == {f"c/NIR{n}" for n in range(5)}
    assert ids(chosen(folder, splits=["validation"])) == set()


def test_of_each_subject_and_band_so_many_are_taken(folder):
    some = ids(chosen(folder, bands=["VIS", "NIR"], per_subject=2))
    counts = np.unique([name[:5] for name in some], return_counts=True)
    assert dict(zip(*counts, strict=True)) == {"a/NIR": 2, "a/VIS": 2, "b/NIR": 2, "b/VIS": 2}
    assert some == ids(chosen(folder, bands=["VIS", "NIR"], per_subject=2))
    assert some != ids(chosen(folder, bands=["VIS", "NIR"], per_subject=2, seed=2))
    assert some < ids(chosen(folder, bands=["VIS", "NIR"], per_subject=3))


def test_contents_and_batches_tell_of_the_same_rows(folder):
    selection = chosen(folder, per_subject=3)
    for shard in map(selection.shard, range(selection.count)):
        rows = [row["content_sha256"] for batch in shard.batches() for row in batch]
        assert list(shard.contents()) == rows
