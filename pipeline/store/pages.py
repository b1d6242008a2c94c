"""Where the values of an image column lie in a shard's file, so that one is read without others.

Shards store encoded images as they are (``shards.compression_of``), without a dictionary: a column
chunk is a run of pages, each a header, definition levels, and the values, every one of them behind
its length. Arrow reads a row group at a time; who wants single rows in another order would read
each group once a row, and parse the whole footer before.

Reference:
    Apache Parquet, file format (https://parquet.apache.org/docs/file-format): data pages, RLE
    levels, PLAIN encoding of BYTE_ARRAY; page headers in Thrift's compact protocol.
"""

import mmap
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SchemaError
from pipeline.store.seal import opened

Span = tuple[int, int]
"""Offset in the file, and number of bytes."""

_DATA_PAGE, _PLAIN = 0, 0
_TYPE, _BYTES, _COMPRESSED_BYTES, _CHECKSUM, _DATA_PAGE_HEADER = 1, 2, 3, 4, 5
_32_BITS = 0xFFFFFFFF
_ENCODING = 2
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_LENGTH = struct.Struct("<I")
_BROKEN = (IndexError, struct.error, RecursionError)
"""What reading beyond the end raises, or values in values without end."""


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
                there = names.is_valid().to_pylist()
                chunk = _chunk(metadata.row_group(group), column, path)
                try:
                    spans = _chunk_spans(data, chunk)
                except SchemaError as error:
                    raise SchemaError(f"{path}: {error}") from error
                if len(spans) != sum(there):
                    raise _strange(path, column, "another number of values than of rows")
                each = iter(spans)
                found.append([next(each) if valid else None for valid in there])
    return found


def _chunk(group: Any, column: str, path: Path) -> Any:
    for index in range(group.num_columns):
        chunk = group.column(index)
        if chunk.path_in_schema == f"{column}.bytes":
            if chunk.compression != "UNCOMPRESSED" or chunk.has_dictionary_page:
                raise _strange(path, column, f"{chunk.compression} {chunk.encodings}")
            return chunk
    raise _strange(path, column, "no such column")


def locate_payloads(
    chunk: bytes | memoryview, start: int, *, checksums: bool = True
) -> NDArray[np.int64]:
    """Find the values of a column chunk of plain byte arrays that may be null.

    Args:
        chunk: its bytes, from its first page on.
        start: where they begin in the file.
        checksums: whether pages are read whole and held against the checksums that they have.

    Returns:
        int64 (k, 2), offset in the file and length of each value that is not null, in order.

    Raises:
        SchemaError: the chunk is damaged, or was written otherwise than crossband writes.
    """
    found: list[Span] = []
    position = 0
    try:
        while position < len(chunk):
            header = _Header(chunk, position)
            end, checksum = header.read_page()
            if checksums and checksum is not None:
                found_checksum = zlib.crc32(memoryview(chunk)[header.position : end])
                if found_checksum != checksum & _32_BITS:
                    raise IndexError
            (levels,) = _LENGTH.unpack_from(chunk, header.position)
            position = header.position + _LENGTH.size + levels
            while position < end:
                (length,) = _LENGTH.unpack_from(chunk, position)
                position += _LENGTH.size
                found.append((start + position, length))
                position += length
            if position != end or end > len(chunk):
                raise IndexError
    except _BROKEN as error:
        raise SchemaError(
            "a shard's images do not lie as crossband writes them, or are damaged: expected plain, "
            "uncompressed pages; remove it and run `dvc repro`, which makes it again"
        ) from error
    return np.array(found, np.int64).reshape(-1, 2)


def _chunk_spans(data: mmap.mmap, chunk: Any) -> list[Span]:
    """Find the values of a column chunk; who reads them checks them by their digests."""
    start = chunk.data_page_offset
    with memoryview(data) as whole, whole[start : start + chunk.total_compressed_size] as pages:
        located = locate_payloads(pages, start, checksums=False)
    return [(offset, size) for offset, size in located.tolist()]


def _strange(path: Path, column: str, found: str) -> SchemaError:
    return SchemaError(
        f"{path}: expected column {column!r} as crossband writes it, its bytes stored plain and "
        f"uncompressed; found {found}: run the stage that makes it (`dvc repro`)"
    )


class _Header:
    """Reads a Thrift struct in the compact protocol."""

    def __init__(self, data: bytes | memoryview, position: int) -> None:
        self._data, self.position = data, position

    def read_page(self) -> tuple[int, int | None]:
        """Read a page's header, and return where the page ends and its checksum if it has one.

        ``position`` is where the page starts then.

        Raises:
            IndexError: it is no plain, uncompressed data page, or is damaged.
        """
        values: dict[int, int] = {}
        inner: dict[int, int] = {}
        for number, kind in self._fields():
            if number == _DATA_PAGE_HEADER:
                inner = {each: self._value(of) for each, of in self._fields()}
            else:
                values[number] = self._value(kind)
        if values.get(_TYPE) != _DATA_PAGE or inner.get(_ENCODING) != _PLAIN:
            raise IndexError
        size = values.get(_BYTES, -1)
        if size != values.get(_COMPRESSED_BYTES):
            raise IndexError
        return self.position + size, values.get(_CHECKSUM)

    def _fields(self) -> Iterator[tuple[int, int]]:
        """Yield number and kind of each field; whoever takes them reads the value."""
        number = 0
        while (head := self._byte()) != _STOP:
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self._integer()
            yield number, kind

    def _value(self, kind: int) -> int:
        """Return a whole number; read over any other value, as 0."""
        if kind in _INTEGERS:
            return self._integer()
        if kind == _BYTE:
            return self._byte()
        if kind == _DOUBLE:
            self.position += 8
        elif kind == _BINARY:
            length = self._unsigned()
            self.position += length
        elif kind in (_LIST, _SET):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._unsigned()
            for _ in range(count):
                self._value(_BYTE if head & 15 in (_TRUE, _FALSE) else head & 15)
        elif kind == _STRUCT:
            for _, inner in self._fields():
                self._value(inner)
        elif kind not in (_TRUE, _FALSE):
            raise IndexError
        return 0

    def _byte(self) -> int:
        self.position += 1
        return self._data[self.position - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
