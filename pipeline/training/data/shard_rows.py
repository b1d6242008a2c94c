"""The rows of one shard that are wanted: their scalar columns, and where their images lie."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store.columns import IMAGE
from pipeline.store.seal import opened
from pipeline.types import Int32, Int64, Row

NONE_OPTIONAL: Mapping[str, pa.DataType] = {}
Choice = Callable[[Row], bool]
"""Says of a row's identity columns whether it is wanted."""

IDENTITY = (
    "sample_id",
    "parent_id",
    "subject_id",
    "band",
    "camera_id",
    "session_id",
    "split",
    "generator",
)
"""Text that every sample has, null where its stage has none."""

_ALWAYS = {name: pa.string() for name in (*IDENTITY, "content_sha256")} | {
    "simulated": pa.bool_(),
    "width_px": pa.int32(),
    "height_px": pa.int32(),
}


@dataclass(frozen=True)
class ShardRows:
    """Wanted rows of one file.

    Attributes:
        file: the shard.
        table: n rows: ``IDENTITY``, content_sha256, simulated, size of ``image``, and the extras.
        groups: int32 (n,), the row group of each.
        ranks: by image column int32 (n,), see ``ImageColumn``.
        chunks: by image column int64 (g, 2), see ``ImageColumn``, of all row groups.
    """

    file: Path
    table: pa.Table
    groups: Int32
    ranks: dict[str, Int32]
    chunks: dict[str, Int64]


def lacking(schema: pa.Schema, extras: Sequence[str], images: Sequence[str]) -> list[str]:
    """Return which columns a stage has not, or not as images."""
    missing = [name for name in extras if name not in schema.names]
    return missing + [
        name for name in images if name not in schema.names or schema.field(name).type != IMAGE
    ]


def read_shard(
    file: Path,
    choice: Choice,
    extras: Sequence[str],
    images: Sequence[str],
    unknown_subjects: bool = False,
    optional: Mapping[str, pa.DataType] = NONE_OPTIONAL,
) -> ShardRows:
    """Read the scalar columns of a shard and find its images, without touching them.

    Args:
        file: the shard.
        choice: says which rows are wanted.
        extras: further columns.
        images: image columns.
        unknown_subjects: whether rows of unknown subjects are taken, too.
        optional: further columns by type, null where the stage has none.
    """
    with opened(file) as shard:
        schema, metadata = shard.schema_arrow, shard.metadata
        there = [name for name in (*_ALWAYS, *extras, *optional) if name in schema.names]
        nullable = [name for name in images if schema.field(name).nullable]
        # an image is null as a whole: its path alone tells, without the bytes
        read = shard.read([*there, *(f"{name}.path" for name in nullable)], use_threads=False)
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        chunks = {name: _chunks(metadata, f"{name}.bytes") for name in images}
    table = _with_nulls(read.select(there), extras, optional)
    groups = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    wanted = _wanted(table, choice, unknown_subjects)
    ranks = {}
    for name in images:
        having = np.ones(len(groups), bool)
        if name in nullable:
            having = read[name].is_valid().to_numpy()
        before = np.concatenate([[0], np.cumsum(having)])
        rank = np.where(having, before[:-1] - before[starts[groups]], -1)
        ranks[name] = rank[wanted].astype(np.int32)
    return ShardRows(file, table.take(pa.array(wanted)), groups[wanted], ranks, chunks)


def _with_nulls(
    read: pa.Table, extras: Sequence[str], optional: Mapping[str, pa.DataType]
) -> pa.Table:
    """Return the table without the fields' metadata, nulls for what the stage has not."""
    columns = {}
    for name, kind in (_ALWAYS | dict(optional)).items():
        missing = name not in read.column_names
        columns[name] = pa.nulls(len(read), kind) if missing else read[name].cast(kind)
    return pa.table(columns | {name: read[name] for name in extras})


def _wanted(table: pa.Table, choice: Choice, unknown_subjects: bool) -> Int64:
    """Return the indices of the rows that are wanted."""
    rows = table.select([*IDENTITY, "simulated"]).to_pylist()
    kept = [(unknown_subjects or row["subject_id"] is not None) and choice(row) for row in rows]
    return np.flatnonzero(np.array(kept, bool))


def _chunks(metadata: pq.FileMetaData, path: str) -> Int64:
    """Return offset and bytes of a leaf column in each row group."""
    if not metadata.num_row_groups:
        return np.zeros((0, 2), np.int64)
    first = metadata.row_group(0)
    paths = [first.column(index).path_in_schema for index in range(first.num_columns)]
    index = paths.index(path)
    chunks = [metadata.row_group(group).column(index) for group in range(metadata.num_row_groups)]
    found = [(chunk.data_page_offset, chunk.total_compressed_size) for chunk in chunks]
    return np.array(found, np.int64)
