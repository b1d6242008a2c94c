"""A few columns of all rows."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import DamageError
from pipeline.store import ShardFolder
from pipeline.store.columns import field
from pipeline.store.scan import scan
from pipeline.store.shards import ROW_GROUP_ROWS, ShardWriter

SCHEMA = pa.schema(
    [
        field("sample_id", pa.string(), null=False),
        field("band", pa.string()),
        field("names", pa.list_(pa.string())),
    ]
)
MANY = 33 * ROW_GROUP_ROWS + 1
"""Rows of one row group more than are read at once, and one."""


@pytest.fixture
def folder(tmp_path):
    made = ShardFolder(tmp_path, 3)
    for index, count in enumerate((MANY, 0, 2)):
        with ShardWriter(made.shard(index).path, SCHEMA) as writer:
            for n in range(count):
                band = None if n % 7 else "NIR"
                writer.write(
                    [{"sample_id": f"{index}/{n:05d}", "band": band, "names": ["a"] * (n % 3)}]
                )
    return made


def test_rows_come_in_their_order_with_the_columns_asked_for(folder):
    found = list(scan(folder, ["sample_id", "band"]))
    assert [row["sample_id"] for row in found[:2]] == ["0/00000", "0/00001"]
    assert [row["sample_id"] for row in found[MANY:]] == ["2/00000", "2/00001"]
    assert len(found) == MANY + 2
    assert [row["band"] for row in found[:8]] == ["NIR", *[None] * 6, "NIR"]
    assert all(row.keys() == {"sample_id", "band"} for row in found)
    assert list(scan(folder, ("names",)))[-1] == {"names": ["a"]}


def test_a_thousand_rows_are_one_read(folder, monkeypatch):
    reads = []
    read = pq.ParquetFile.read_row_groups
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_groups",
        lambda self, groups, **options: reads.append(len(groups)) or read(self, groups, **options),
    )
    assert len(list(scan(folder, ["sample_id"]))) == MANY + 2
    assert reads == [32, 2, 1]


def test_damage_is_told(folder):
    path = folder.shard(0).path
    data = bytearray(path.read_bytes())
    data[40] ^= 1  # in the first page of ids
    path.write_bytes(data)
    with pytest.raises(DamageError):
        list(scan(folder, ["sample_id"]))
