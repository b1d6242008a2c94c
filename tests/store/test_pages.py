"""Where images lie in a shard: each span holds exactly its row's bytes."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SchemaError
from pipeline.schemas.sample import IMAGES
from pipeline.store import image_columns
from pipeline.store.pages import spans_of
from pipeline.store.seal import write_sealed
from pipeline.store.shards import ShardWriter


def row(number, data, labels=None):
    return {
        "sample_id": f"{number:04d}",
        "dataset": "d",
        "band": "VIS",
        "region": "scene",
        "simulated": False,
        "truth_labels": None if labels is None else {"bytes": labels, "path": "l"},
        "content_sha256": "c",
        "fingerprint": "f",
        **image_columns(data, (1, 1), "x"),
    }


@pytest.fixture
def shard(tmp_path):
    """Images from 0 bytes to 3 MB, so of several pages and row groups; every third has labels."""
    random = np.random.default_rng(0)
    sizes = [*range(70), 3_000_000, 700_000, 700_000, 5, 0]
    rows = [
        row(n, random.bytes(size), random.bytes(size % 50) if n % 3 == 0 else None)
        for n, size in enumerate(sizes)
    ]
    path = tmp_path / "shard.parquet"
    with ShardWriter(path, IMAGES) as writer:
        writer.write(rows)
    return path, rows


@pytest.mark.parametrize("column", ["image", "truth_labels"])
def test_every_span_holds_its_rows_bytes(shard, column):
    path, rows = shard
    data = path.read_bytes()
    spans = [span for group in spans_of(path, column) for span in group]
    found = [None if span is None else data[span[0] : sum(span)] for span in spans]
    assert found == [None if r[column] is None else r[column]["bytes"] for r in rows]


def test_there_is_a_list_for_each_row_group(shard):
    path, _ = shard
    metadata = pq.read_metadata(path)
    counts = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
    assert len(counts) > 1
    assert [len(group) for group in spans_of(path, "image")] == counts


def test_an_empty_shard_has_no_spans(tmp_path):
    with ShardWriter(tmp_path / "shard.parquet", IMAGES):
        pass
    assert sum(map(len, spans_of(tmp_path / "shard.parquet", "image"))) == 0


@pytest.mark.parametrize("how", [{"compression": "ZSTD"}, {"use_dictionary": True}])
def test_images_stored_otherwise_are_refused(tmp_path, how):
    table = pa.table({"image": [{"bytes": b"x" * 100, "path": "p"}] * 3})
    write_sealed(table, tmp_path / "x.parquet", **{"compression": "NONE"} | how)
    with pytest.raises(SchemaError, match="stored plain and uncompressed; found"):
        spans_of(tmp_path / "x.parquet", "image")
