import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import StageError
from pipeline.store.columns import IMAGE
from pipeline.training.data.payloads import locate_payloads


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
    with pytest.raises(StageError, match="do not lie as crossband writes them"):
        found_in(*column_chunks([b"one" * 99, b"two"], **options))


@given(cut=st.integers(1, 300), flip=st.integers(0, 299))
def test_a_damaged_chunk_is_told_or_gives_places_within_it(cut, flip):
    data, [(start, size)] = column_chunks([b"a" * 100, None, b"b" * 200])
    chunk = bytearray(data[start : start + size])
    chunk[flip % size] ^= 255
    for damaged in (bytes(chunk), bytes(chunk)[:-cut]):
        try:
            located = locate_payloads(damaged, 0)
        except StageError:
            continue
        assert (located.sum(axis=1) <= len(damaged)).all()
