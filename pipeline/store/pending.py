"""Rows that wait for their row group: new ones, and those that a shard holds already.

Of the latter no Python values are made, and no digest is computed again: they are handed on as
Arrow's columns, which is several times as fast.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.content import content_sha256
from pipeline.store.rows import rows_from_table, table_from_rows
from pipeline.types import Row


class StoredRow(NamedTuple):
    """A row as a shard holds it.

    Attributes:
        table: a row group.
        place: of the row in it.
        sample_id: of the row.
        fingerprint: of the row, empty where its schema has none.
        image_bytes: length of all its images.
    """

    table: pa.Table
    place: int
    sample_id: str
    fingerprint: str
    image_bytes: int


def stored_rows(table: pa.Table) -> Iterator[StoredRow]:
    """Yield the rows of a row group."""
    ids = table["sample_id"].to_pylist()
    known = "fingerprint" in table.column_names
    fingerprints = table["fingerprint"].to_pylist() if known else [""] * len(ids)
    lengths = np.zeros(len(ids), np.int64)
    for name in image_names(table.schema):
        length = pc.binary_length(pc.struct_field(table[name], "bytes"))
        lengths += pc.fill_null(length, 0).to_numpy()
    for place, (sample_id, fingerprint) in enumerate(zip(ids, fingerprints, strict=True)):
        yield StoredRow(table, place, sample_id, fingerprint, int(lengths[place]))


@dataclass
class Pending:
    """Rows in order, until they are written as one row group.

    Attributes:
        rows: how many there are.
        image_bytes: length of all their images.
    """

    rows: int = 0
    image_bytes: int = 0
    _pieces: list["list[Row] | _Slice"] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Append a new row."""
        if not self._pieces or not isinstance(self._pieces[-1], list):
            self._pieces.append([])
        self._pieces[-1].append(row)  # type: ignore[union-attr] # just seen to be a list
        self.rows += 1
        self.image_bytes += sum(
            len(value["bytes"])
            for value in row.values()
            if isinstance(value, dict) and isinstance(value.get("bytes"), bytes)
        )

    def keep(self, row: StoredRow) -> None:
        """Append a row that is stored."""
        last = self._pieces[-1] if self._pieces else None
        if isinstance(last, _Slice) and last.table is row.table and last.stop == row.place:
            last.stop += 1
        else:
            self._pieces.append(_Slice(row.table, row.place, row.place + 1))
        self.rows += 1
        self.image_bytes += row.image_bytes

    def table(self, schema: pa.Schema) -> pa.Table:
        """Return all of them as one table whose columns are in one piece each.

        New rows without ``content_sha256`` get that of what is stored.
        """
        tables = [
            piece.rows() if isinstance(piece, _Slice) else _with_digests(piece, schema)
            for piece in self._pieces
        ]
        if len(tables) == 1 and isinstance(self._pieces[0], list):
            return tables[0]
        return pa.concat_tables(tables).combine_chunks()


@dataclass
class _Slice:
    """Rows of a row group that follow one another."""

    table: pa.Table
    start: int
    stop: int

    def rows(self) -> Any:
        return self.table.slice(self.start, self.stop - self.start)


def image_names(schema: pa.Schema) -> list[str]:
    """Return the columns that hold images."""
    return [
        name
        for name in schema.names
        if pa.types.is_struct(kind := schema.field(name).type)
        and kind.get_field_index("bytes") >= 0
    ]


def _with_digests(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Make a table of rows, with a ``content_sha256`` of what is stored where it is None."""
    missing = [i for i, row in enumerate(rows) if row.get("content_sha256", "") is None]
    if not missing:
        return table_from_rows(rows, schema)
    table = table_from_rows(
        [row | {"content_sha256": row["content_sha256"] or ""} for row in rows], schema
    )
    stored = rows_from_table(table.take(missing) if len(missing) < len(rows) else table)
    found = table["content_sha256"].to_pylist()
    for index, row in zip(missing, stored, strict=True):
        found[index] = content_sha256(row, schema)
    place = schema.get_field_index("content_sha256")
    return table.set_column(place, schema.field(place), pa.array(found, pa.string()))
