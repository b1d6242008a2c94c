"""An import holds little in memory, whatever the length of its rows and shards."""

import tracemalloc

import pyarrow as pa
from stage_data import contents

from pipeline.exporters import importing
from pipeline.store import ShardFolder
from pipeline.store.columns import IMAGE

SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("image", IMAGE),
        ("content_sha256", pa.string()),
        ("fingerprint", pa.string()),
    ]
)


def rows(count, length):
    for number in reversed(range(count)):
        image = {"bytes": number.to_bytes(2, "little") + bytes(length), "path": "x"}
        digests = {"content_sha256": "0" * 64, "fingerprint": "0" * 64}
        yield {"sample_id": f"{number:04d}", "image": image, **digests}


def test_a_shard_is_sorted_without_being_read_whole(tmp_path):
    file = tmp_path / "heap"
    importing._scatter(rows(40, 1 << 20), {0: file}, lambda _: 0, SCHEMA)
    before, most, ids = pa.total_allocated_bytes(), 0, []
    for row in importing._sorted(file):
        most = max(most, pa.total_allocated_bytes() - before)
        ids.append(row["sample_id"])
        assert row["image"]["bytes"][:2] == int(ids[-1]).to_bytes(2, "little")
    assert ids == [f"{number:04d}" for number in range(40)]
    assert most < 8 << 20


def test_few_bytes_wait_for_their_heaps(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "_WAITING_BYTES", 1 << 20, raising=False)
    tracemalloc.start()
    try:
        files = {place: tmp_path / str(place) for place in range(16)}
        importing._scatter(rows(160, 100_000), files, lambda each: int(each) % 16, SCHEMA)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def test_what_waits_changes_no_byte_of_the_shards(tmp_path, monkeypatch):
    importing._write(rows(100, 50), ShardFolder(tmp_path / "whole", 3), SCHEMA)
    monkeypatch.setattr(importing, "_WAITING_BYTES", 500, raising=False)
    importing._write(rows(100, 50), ShardFolder(tmp_path / "pieces", 3), SCHEMA)
    assert contents(tmp_path / "pieces") == contents(tmp_path / "whole")
    assert len(contents(tmp_path / "whole")) == 6
