"""Where the encoded images of a row group lie in a shard, so that one can be read alone.

Crossband writes images uncompressed and without a dictionary (``store.shards.compression_of``): a
column chunk is then a run of pages, each a header, definition levels, and the values, every one of
them behind its length. Arrow reads no less than a row group of a column, 32 images for the one that
is wanted, and parses all of the shard's footer before.

Source:
    https://parquet.apache.org/docs/file-format: data pages, RLE levels, plain encoding; Thrift's
    compact protocol, in which page headers are written.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StageError

_DATA_PAGE, _PLAIN = 0, 0
_TYPE, _BYTES, _COMPRESSED_BYTES, _CHECKSUM, _DATA_PAGE_HEADER = 1, 2, 3, 4, 5
_32_BITS = 0xFFFFFFFF
_ENCODING = 2
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_LENGTH = struct.Struct("<I")
_BROKEN = (IndexError, struct.error)
"""What reading beyond the end raises."""


def locate_payloads(chunk: bytes, start: int) -> NDArray[np.int64]:
    """Find the values of a column chunk of plain byte arrays that may be null.

    Args:
        chunk: its bytes, from its first page on.
        start: where they begin in the file.

    Returns:
        int64 (k, 2), offset in the file and length of each value that is not null, in order.

    Raises:
        StageError: the chunk is damaged, or was written otherwise than crossband writes.
    """
    found: list[tuple[int, int]] = []
    position = 0
    try:
        while position < len(chunk):
            header = _Header(chunk, position)
            end, checksum = header.read_page()
            found_checksum = zlib.crc32(memoryview(chunk)[header.position : end])
            if checksum is not None and found_checksum != checksum & _32_BITS:
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
        raise StageError(
            "a shard's images do not lie as crossband writes them, or are damaged: expected plain, "
            "uncompressed pages; remove it and run `dvc repro`, which makes it again"
        ) from error
    return np.array(found, np.int64).reshape(-1, 2)


class _Header:
    """Reads a Thrift struct in the compact protocol."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self.position = data, position

    def read_page(self) -> tuple[int, int | None]:
        """Read a page's header, and return where the page ends and its checksum if it bears one.

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
