"""Where images lie in a shard: each span holds exactly its row's bytes."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SchemaError
from pipeline.schemas.sample import IMAGES
from pipeline.store import image_columns
from pipeline.store.columns import IMAGE
from pipeline.store.pages import locate_payloads, spans_of
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


def test_pages_of_another_version_are_refused_by_name(tmp_path):
    table = pa.table({"image": [{"bytes": b"x" * 100, "path": "p"}] * 3})
    options = {"compression": "NONE", "use_dictionary": False, "data_page_version": "2.0"}
    write_sealed(table, tmp_path / "x.parquet", **options)
    with pytest.raises(SchemaError, match=r"x\.parquet: .* do not lie as crossband writes them"):
        spans_of(tmp_path / "x.parquet", "image")


@pytest.mark.parametrize("how", [{"compression": "ZSTD"}, {"use_dictionary": True}])
def test_images_stored_otherwise_are_refused(tmp_path, how):
    table = pa.table({"image": [{"bytes": b"x" * 100, "path": "p"}] * 3})
    write_sealed(table, tmp_path / "x.parquet", **{"compression": "NONE"} | how)
    with pytest.raises(SchemaError, match="stored plain and uncompressed; found"):
        spans_of(tmp_path / "x.parquet", "image")


def column_chunks(values, **options):
    """Write a column of images; return the file and where its bytes lie in each row group."""
    file = io.BytesIO()
    images = [None if value is None else {"bytes": value, "path": "x"} for value in values]
    usual = {"compression": "NONE", "use_dictionary": False}
    pq.write_table(pa.table({"image": pa.array(images, IMAGE)}), file, **(usual | options))
    metadata = pq.read_metadata(file)
    chunks = [metadata.row_group(group).column(0) for group in range(metadata.num_row_groups)]
    assert all(chunk.path_in_schema == "image.bytes" for chunk in chunks)
    places = [(chunk.data_page_offset, chunk.total_compressed_size) for chunk in chunks]
    return file.getvalue(), places


def found_in(data, places):
    located = (locate_payloads(data[at : at + size], at) for at, size in places)
    return [data[at : at + length] for group in located for at, length in group.tolist()]


@given(
    values=st.lists(st.none() | st.binary(max_size=60), min_size=1, max_size=50),
    page=st.sampled_from([1, 64, 1 << 20]),
    rows=st.integers(1, 40),
    statistics=st.booleans(),
    checksum=st.booleans(),
)
def test_every_payload_is_found_whatever_the_pages(values, page, rows, statistics, checksum):
    written = column_chunks(
        values,
        data_page_size=page,
        write_batch_size=1,
        row_group_size=rows,
        write_statistics=statistics,
        write_page_checksum=checksum,
    )
    assert found_in(*written) == [value for value in values if value is not None]


@pytest.mark.parametrize(
    "options",
    [{"compression": "ZSTD"}, {"use_dictionary": True}, {"data_page_version": "2.0"}],
)
def test_other_pages_are_refused(options):
    with pytest.raises(SchemaError, match="do not lie as crossband writes them"):
        found_in(*column_chunks([b"one" * 99, b"two"], **options))


@given(cut=st.integers(1, 300), flip=st.integers(0, 299))
def test_a_damaged_chunk_is_told_or_gives_places_within_it(cut, flip):
    data, [(start, size)] = column_chunks([b"a" * 100, None, b"b" * 200])
    chunk = bytearray(data[start : start + size])
    chunk[flip % size] ^= 255
    for damaged in (bytes(chunk), bytes(chunk)[:-cut]):
        try:
            located = locate_payloads(damaged, 0)
        except SchemaError:
            continue
        assert (located.sum(axis=1) <= len(damaged)).all()


def test_a_header_of_structs_in_structs_without_end_is_refused():
    with pytest.raises(SchemaError, match="do not lie as crossband writes them"):
        locate_payloads(b"\x1c" * 100_000, 0)
