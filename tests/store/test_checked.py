"""What is known of an output without opening its files: when it is trusted, and when it is not."""

import errno
import hashlib
import io
import json
import os
import sys
from pathlib import Path

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import work

from pipeline.store import Listing, ShardFolder, StageKey, map_shards
from pipeline.store.columns import extend, measure
from pipeline.store.executors import Serial
from pipeline.store.seal import check_whole, write_sealed
from pipeline.store.selection import ChosenRows
from pipeline.store.shards import ShardFile, ShardWriter, shard_of

KEY = StageKey("stage", {}, {}, "code")
NAMES = [f"s{i}" for i in range(12)]


def fill(folder, rows):
    """Write rows as a stage before would."""
    for index in range(folder.count):
        mine = [row for row in rows if shard_of(row["sample_id"], folder.count) == index]
        with ShardWriter(folder.shard(index).path, work.SCHEMA) as writer:
            for row in sorted(mine, key=lambda row: row["sample_id"]):
                writer.write([row | {"content_sha256": None, "fingerprint": "0" * 64}])


def images(second=b"one"):
    return [work.make_image(name, second if name == "s1" else b"one") for name in NAMES]


@pytest.fixture
def source(tmp_path):
    folder = ShardFolder(tmp_path / "source", 3)
    fill(folder, images())
    return folder


@pytest.fixture
def shout(tmp_path):
    return work.Shout(tmp_path / "log")


@pytest.fixture
def go(tmp_path, shout):
    def run(source, *, key=KEY, schema=work.SCHEMA):
        return map_shards(
            source,
            ShardFolder(tmp_path / "out", 3),
            schema=schema,
            key=key,
            make=shout,
            batch_rows=4,
            executor=Serial(),
            label="test",
        )

    return run


def refuse_to_read(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("it was opened")

    for name in ("contents", "outcomes", "rows", "table", "batches"):
        monkeypatch.setattr(ShardFile, name, fail)


def test_where_nothing_changed_no_shard_is_opened_and_the_counts_are_the_same(
    source, go, monkeypatch
):
    fill(source, [work.make_image(name) for name in ("a", "bad", "mixed")])
    first = go(source)
    refuse_to_read(monkeypatch)
    again = go(source)
    assert (again.computed, again.reused) == (0, 3)
    assert (again.rows_in, again.rows_out) == (first.rows_in, first.rows_out) == (3, 2)
    assert again.rejected == first.rejected == {"bad": 2}


def test_a_shard_that_was_written_again_is_read_and_reused_where_it_is_equal(source, go, shout):
    go(source)
    shout.computed()
    fill(source, images())
    assert (go(source).computed, shout.computed()) == (0, [])
    fill(source, images(b"two"))
    assert go(source).computed == 1
    assert shout.computed() == ["s1"]


def test_another_key_or_schema_computes_all_though_no_file_changed(source, go):
    go(source)
    assert go(source, key=StageKey("stage", {"a": 2}, {}, "code")).computed == 12
    go(source)
    blur = measure("blur_px", pa.float32(), "by hand", unit="px")
    assert go(source, schema=extend(work.SCHEMA, [blur])).computed == 12


def go_listed(folder, load, make, key=KEY):
    """Map a listing whose stamps never change."""
    return map_shards(
        Listing(images(), 3, load, stamps=lambda rows: str(len([*rows]))),
        ShardFolder(folder, 3),
        schema=work.SCHEMA,
        key=key,
        make=make,
        batch_rows=4,
        executor=Serial(),
        label="test",
    )


def test_under_another_key_nobody_reads_the_input_to_compare_it(tmp_path, shout):
    loaded = []

    def load(row):
        loaded.append(row["sample_id"])
        return dict(row)

    def read_by(key):
        loaded.clear()
        go_listed(tmp_path / "out", load, shout, key)
        return sorted(loaded)

    assert read_by(KEY) == sorted(NAMES)
    assert read_by(KEY) == []
    # once, by who computes
    assert read_by(StageKey("stage", {"a": 2}, {}, "code")) == sorted(NAMES)


def test_what_could_not_be_read_is_tried_again_though_no_stamp_tells(tmp_path):
    broken = {"s1"}

    def load(row):
        return row | ({"refused": "an input error"} if row["sample_id"] in broken else {})

    def go():
        return go_listed(tmp_path / "out", load, work.reject_refused)

    assert go().rejected == {"unreadable": 1}
    assert go().computed == 0  # it still can't be read
    broken.clear()
    again = go()
    assert (again.computed, again.rows_out, again.rejected) == (1, 12, {})


def test_an_output_that_was_lost_or_replaced_is_made_again(source, go, tmp_path):
    go(source)
    out = tmp_path / "out"
    good = {path: path.read_bytes() for path in out.rglob("*.parquet")}
    first, second, third = sorted(out.glob("shard-*"))
    first.unlink()
    second.write_bytes(third.read_bytes())
    (out / "rejected" / third.name).write_bytes(b"PAR1")
    assert go(source).computed > 0
    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == good


def signed(known):
    text = json.dumps(known)
    return f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text, known: "",
        lambda text, known: text[:100],
        lambda text, known: json.dumps({"files": known["files"]}),
        lambda text, known: text.replace('"rows_out": ', '"rows_out": 1'),
        lambda text, known: signed([]),
        lambda text, known: signed({"files": known["files"]}),
        lambda text, known: signed(known | {"shards": {"shard": {"made_of": 1}}}),
        lambda text, known: signed(known | {"shards": 3}),
    ],
)
def test_a_record_that_is_damaged_or_of_an_earlier_version_is_no_record(
    source, go, tmp_path, damage
):
    go(source)
    record = tmp_path / ".out.checked"
    text = record.read_text()
    known = json.loads(text.partition("\n")[2])
    assert text == signed(known)
    record.write_text(damage(text, known))
    summary = go(source)
    assert (summary.computed, summary.reused, summary.rows_out) == (0, 12, 12)


def test_another_choice_of_the_same_file_is_another_input(source):
    def marks(names):
        chosen = ChosenRows(source, frozenset(names))
        return [chosen.shard(index).mark() for index in range(3)]

    former = marks(NAMES)
    assert marks(NAMES) == former
    changed = [one != other for one, other in zip(former, marks(NAMES[1:]), strict=True)]
    assert changed == [shard_of(NAMES[0], 3) == index for index in range(3)]


def test_times_alone_make_a_file_another(source):
    shard = source.shard(0)
    before = shard.mark()
    os.utime(shard.path, ns=(0, 0))
    assert shard.mark() != before
    shard.path.unlink()
    assert shard.mark() is None


class BadSector(io.FileIO):
    """A file whose first bytes the disk can't read."""

    def readinto(self, buffer):
        if self.tell() == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().readinto(buffer)


def test_what_the_disk_can_not_read_is_no_damage_and_is_named(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    write_sealed(pa.table({"a": [1, 2, 3]}), path)
    monkeypatch.setattr(Path, "open", lambda self, _: io.BufferedReader(BadSector(self)))
    with pytest.raises(OSError, match=r"Input/output error: .*a\.parquet") as told:
        check_whole(path)
    assert told.value.errno == errno.EIO
