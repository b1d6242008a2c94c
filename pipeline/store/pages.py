"""Where the values of an image column lie in a shard's file, so that one is read without others.

Shards store encoded images as they are (``shards.compression_of``): each is a run of bytes in the
file. Arrow reads a row group at a time; who wants single rows in another order would read each
group once a row.

Reference:
    Apache Parquet, file format: the page header in Thrift's compact protocol, PLAIN encoding of
    BYTE_ARRAY (a length of four bytes, then the bytes).
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import SchemaError
from pipeline.store.seal import opened

Span = tuple[int, int]
"""Offset in the file, and number of bytes."""

_LENGTH = 4
_DATA_PAGE, _PLAIN = 0, 0
_TRUE, _FALSE, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, 12
_TYPE, _COMPRESSED_SIZE, _DATA_HEADER = 1, 3, 5
_VALUES, _ENCODING = 1, 2


def spans_of(path: Path, column: str) -> list[list[Span | None]]:
    """Find the bytes of an image column.

    Args:
        path: a shard.
        column: name of an image column, without ``.bytes``.

    Returns:
        For each row group, each row's span in the file; None where there is no image.

    Raises:
        SchemaError: the file does not store the column as shards do.
    """
    with opened(path) as file, path.open("rb") as bytes_of:
        metadata = file.metadata
        if not metadata.num_rows:
            return [[] for _ in range(metadata.num_row_groups)]
        with mmap.mmap(bytes_of.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = []
            for group in range(metadata.num_row_groups):
                names = file.read_row_group(group, columns=[f"{column}.path"])[column]
                spans = iter(_chunk_spans(data, _chunk(metadata.row_group(group), column, path)))
                there = names.is_valid().to_pylist()
                found.append([next(spans, None) if valid else None for valid in there])
                if next(spans, None) is not None or sum(there) != sum(map(bool, found[-1])):
                    raise _strange(path, column, "another number of values than of rows")
    return found


def _chunk(group: Any, column: str, path: Path) -> Any:
    for index in range(group.num_columns):
        chunk = group.column(index)
        if chunk.path_in_schema == f"{column}.bytes":
            if chunk.compression != "UNCOMPRESSED" or chunk.has_dictionary_page:
                raise _strange(path, column, f"{chunk.compression} {chunk.encodings}")
            return chunk
    raise _strange(path, column, "no such column")


def _chunk_spans(data: mmap.mmap, chunk: Any) -> Iterator[Span]:
    """Yield the span of each value that is not null, page after page."""
    place, rows = chunk.data_page_offset, 0
    while rows < chunk.num_values:
        header, place = _struct(data, place)
        end = place + header[_COMPRESSED_SIZE]
        page = header.get(_DATA_HEADER, {})
        if header[_TYPE] != _DATA_PAGE or page[_ENCODING] != _PLAIN:
            raise SchemaError(f"a page of type {header[_TYPE]} and encoding {page.get(_ENCODING)}")
        rows += page[_VALUES]
        # Definition levels come first: their length, then themselves.
        place += _LENGTH + _length(data, place)
        while place < end:
            size = _length(data, place)
            yield place + _LENGTH, size
            place += _LENGTH + size


def _length(data: mmap.mmap, place: int) -> int:
    return int.from_bytes(data[place : place + _LENGTH], "little")


def _struct(data: mmap.mmap, place: int) -> tuple[dict[int, Any], int]:
    """Read a Thrift struct; returns its fields by number, and where it ends."""
    fields: dict[int, Any] = {}
    number = 0
    while (head := data[place]) != 0:
        place += 1
        if head >> 4:
            number += head >> 4
        else:
            number, place = _integer(data, place)
        fields[number], place = _value(data, place, head & 15)
    return fields, place + 1


def _value(data: mmap.mmap, place: int, kind: int) -> tuple[Any, int]:
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, place
    if kind in _INTEGERS:
        return _integer(data, place)
    if kind == _BINARY:
        size, place = _varint(data, place)
        return None, place + size
    if kind == _STRUCT:
        return _struct(data, place)
    if kind in (_BYTE, _DOUBLE):
        return None, place + (1 if kind == _BYTE else 8)
    raise SchemaError(f"a page header with a value of Thrift type {kind}")


def _integer(data: mmap.mmap, place: int) -> tuple[int, int]:
    value, place = _varint(data, place)
    return (value >> 1) ^ -(value & 1), place


def _varint(data: mmap.mmap, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place


def _strange(path: Path, column: str, found: str) -> SchemaError:
    return SchemaError(
        f"{path}: expected column {column!r} as crossband writes it, its bytes stored plain and "
        f"uncompressed; found {found}: run the stage that makes it (`dvc repro`)"
    )
