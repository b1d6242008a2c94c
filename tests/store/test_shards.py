"""Shards: placing, order, atomic writing, and what is refused."""

import hashlib
import itertools
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import DamageError, SchemaError, StageError
from pipeline.store.ids import check_sample_id
from pipeline.store.listing import Listing
from pipeline.store.shards import (
    ROW_GROUP_ROWS,
    ShardFile,
    ShardFolder,
    ShardWriter,
    shard_of,
)

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        ("image", IMAGE),
    ],
    metadata={"version": "1"},
)
legal = st.text("abcXYZ019._/%=+-~", min_size=1).filter(lambda t: ".." not in t.split("/"))


def write(path, rows, schema=SCHEMA):
    with ShardWriter(path, schema) as writer:
        writer.write(rows)
    return ShardFile(path)


def test_a_sample_keeps_its_shard_forever():
    # The first 8 bytes of blake2b(id), big-endian, modulo the count; another hash would move
    # everybody's data.
    digest = hashlib.blake2b(b"P001/x.NIR", digest_size=8).digest()
    assert shard_of("P001/x.NIR", 16) == int.from_bytes(digest, "big") % 16
    assert shard_of("a", 16) == 15


@given(legal, legal, st.integers(1, 300))
def test_what_is_derived_lies_in_the_shard_of_its_sample(sample, suffix, count):
    assert shard_of(f"{sample}#{suffix}", count) == shard_of(sample, count) < count


@given(st.lists(legal, min_size=2, max_size=2, unique=True), legal, legal)
def test_derived_rows_stay_next_to_their_sample_when_sorted(samples, left, right):
    first, second = sorted(samples)
    assert f"{first}#{left}" < second
    assert f"{first}#{left}" < f"{second}#{right}"


@pytest.mark.parametrize("bad", ["", "a b", "a\n", "../a", "a/../b", "ä", "#a", "a#", "a\\b", "a'"])
def test_ids_that_could_do_harm_are_refused(bad):
    with pytest.raises(SchemaError, match="sample id"):
        check_sample_id(bad)


def test_rows_come_back_in_row_groups_of_bounded_length(tmp_path):
    rows = [{"sample_id": f"{i:04d}", "image": {"bytes": b"x" * i, "path": "p"}} for i in range(70)]
    file = write(tmp_path / "s.parquet", rows)
    batches = list(file.batches())
    assert [len(batch) for batch in batches] == [ROW_GROUP_ROWS, ROW_GROUP_ROWS, 6]
    assert [row for batch in batches for row in batch] == rows
    assert file.rows() == 70


def test_large_images_close_a_row_group_early(tmp_path):
    rows = [{"sample_id": str(i), "image": {"bytes": bytes(9 << 20), "path": ""}} for i in range(3)]
    assert [len(batch) for batch in write(tmp_path / "s.parquet", rows).batches()] == [2, 1]


def test_the_same_rows_give_the_same_bytes(tmp_path):
    rows = [{"sample_id": f"{i}", "image": {"bytes": b"abc", "path": "p"}} for i in range(9)]
    first, second = (write(tmp_path / name, rows).path.read_bytes() for name in ("a", "b"))
    assert first == second


@pytest.mark.parametrize("ids", [["b", "a"], ["a", "a"]])
def test_rows_out_of_order_or_doubled_are_refused_and_leave_the_former_file(tmp_path, ids):
    file = write(tmp_path / "s.parquet", [{"sample_id": "old"}])
    with pytest.raises(SchemaError, match="unique and sorted"):
        write(file.path, [{"sample_id": sample} for sample in ids])
    assert [row["sample_id"] for batch in file.batches() for row in batch] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]


def test_a_file_of_another_schema_or_cut_off_is_not_readable(tmp_path):
    schema = SCHEMA.append(pa.field("fingerprint", pa.string()))
    file = write(tmp_path / "s.parquet", [{"sample_id": "a", "fingerprint": "f"}], schema)
    assert file.outcomes(schema) == ({"f"}, set())
    assert file.outcomes(schema.with_metadata({"version": "2"})) is None
    file.path.write_bytes(file.path.read_bytes()[:-9])
    assert file.outcomes(schema) is None
    assert ShardFile(tmp_path / "none.parquet").outcomes(schema) is None


NUMBERS = pa.list_(pa.list_(pa.float32(), 2), 2)
KEPT = pa.schema(
    [
        *SCHEMA,
        ("points", NUMBERS),
        ("found", pa.list_(pa.struct([("name", pa.string()), ("score", pa.float64())]))),
        ("fingerprint", pa.string()),
    ],
    metadata={"version": "1"},
)
rows_of_all_kinds = st.lists(
    st.fixed_dictionaries(
        {
            "image": st.none()
            | st.builds(
                lambda length, path: {"bytes": bytes(length << 20), "path": path},
                st.sampled_from([0, 0, 0, 6]),
                st.none() | st.just("p"),
            ),
            "points": st.none() | st.just(np.arange(4, dtype=np.float32).reshape(2, 2)),
            "found": st.none() | st.lists(st.fixed_dictionaries({"name": st.text(max_size=3)})),
        }
    ),
    max_size=40,
)


@settings(max_examples=25)
@given(rows_of_all_kinds, st.data())
def test_rows_kept_as_they_are_stored_give_the_bytes_of_rows_written_anew(rows, data):
    """In whatever order kept and new ones come, and wherever row groups ended before."""
    for number, row in enumerate(rows):
        row |= {"sample_id": f"{number:03d}", "fingerprint": f"f{number}"}
        row["found"] = row["found"] and [item | {"score": 0.5} for item in row["found"]]
    kept = [data.draw(st.booleans()) for _ in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        whole = write(path / "whole", rows, KEPT)
        former = write(path / "former", itertools.compress(rows, kept), KEPT)
        stored = {row.fingerprint: row for row in former.stored()}
        with ShardWriter(path / "mixed", KEPT) as writer:
            for row in rows:
                if row["fingerprint"] in stored:
                    writer.keep([stored[row["fingerprint"]]])
                else:
                    writer.write([row])
        assert Path(path, "mixed").read_bytes() == whole.path.read_bytes()


def test_kept_rows_are_checked_for_their_order(tmp_path):
    stored = list(write(tmp_path / "s", [{"sample_id": "a"}, {"sample_id": "b"}]).stored())
    with (
        pytest.raises(SchemaError, match="unique and sorted"),
        ShardWriter(tmp_path / "t", SCHEMA) as writer,
    ):
        writer.keep(reversed(stored))


def test_no_damaged_byte_is_taken_over(tmp_path):
    """Wherever it is: Arrow alone doesn't notice one in the header of a page."""
    whole = write(tmp_path / "s", [{"sample_id": "a", "image": {"bytes": b"abc", "path": "p"}}])
    data = whole.path.read_bytes()
    for place in range(0, len(data), 5):
        whole.path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(DamageError):
            list(whole.stored())


def test_any_parquet_reader_reads_a_shard(tmp_path):
    write(tmp_path / "s.parquet", [{"sample_id": "a", "image": {"bytes": b"1", "path": "a.png"}}])
    assert pq.read_table(tmp_path / "s.parquet").to_pylist() == [
        {"sample_id": "a", "image": {"bytes": b"1", "path": "a.png"}}
    ]


def test_opening_tells_what_is_missing(tmp_path):
    with pytest.raises(StageError, match="complete set of shards, found 0"):
        ShardFolder.open(tmp_path)
    write(ShardFolder(tmp_path, 2).shard(0).path, [])
    with pytest.raises(StageError, match="found 1"):
        ShardFolder.open(tmp_path)
    write(ShardFolder(tmp_path, 2).shard(1).path, [])
    assert ShardFolder.open(tmp_path).count == 2


def test_a_name_that_holds_no_shards_is_told_of_the_outputs_nearby(tmp_path):
    for name in ("align", "align/rejected", "crops/small"):
        write(ShardFolder(tmp_path / name, 1).shard(0).path, [])
    (tmp_path / "evaluate").mkdir()
    there = "there are align, crops/small in "
    for name in (".", "nothere", "align/nothere", "evaluate/x"):
        with pytest.raises(StageError, match=f"found 0 files; .*; {there}{tmp_path}$"):
            ShardFolder.open(tmp_path / name)


def test_outputs_nearby_a_relative_name_are_here(tmp_path, monkeypatch):
    write(ShardFolder(tmp_path / "align", 1).shard(0).path, [])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"there are align here$"):
        ShardFolder.open(Path("nowhere"))


def test_strangers_go(tmp_path):
    folder = ShardFolder(tmp_path, 2)
    keep = write(folder.shard(0).path, []).path
    write(ShardFolder(tmp_path, 3).shard(0).path, [])
    write(ShardFolder(tmp_path, 3).rejected.shard(0).path, [])
    (tmp_path / ".shard-00000-of-00002.parquet.partial").touch()
    (tmp_path / ".shard-00000-of-00002.parquet.0123abcd.partial").touch()
    folder.drop_foreign_shards()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [keep]


@pytest.mark.parametrize(
    "name", ["why-shard-3-is-odd.txt", "shard-00000-of-00002.parquet.bak", "shard-00000.parquet"]
)
def test_a_users_file_among_the_shards_stays(tmp_path, name):
    folder = ShardFolder(tmp_path, 2)
    for place in (folder, folder.rejected):
        write(place.shard(0).path, [])
    (tmp_path / name).write_text("mine")
    (tmp_path / "rejected" / name).write_text("mine")
    folder.drop_foreign_shards()
    assert [path.read_text() for path in sorted(tmp_path.rglob(name))] == ["mine", "mine"]


@given(st.sets(legal, max_size=20), st.integers(1, 5))
def test_a_listing_places_every_row_once_and_sorted(samples, count):
    listing = Listing([{"sample_id": sample} for sample in samples], count, dict)
    found = [
        [row["sample_id"] for batch in listing.shard(i).batches() for row in batch]
        for i in range(count)
    ]
    assert sorted(sample for shard in found for sample in shard) == sorted(samples)
    assert all(shard == sorted(shard) for shard in found)
