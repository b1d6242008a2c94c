"""Digests of a row's content: of what a shard stores, and of what a reader lists."""

import hashlib
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.store.columns import measure_names
from pipeline.store.rows import fixed_shape
from pipeline.types import Row

_NO_CONTENT = frozenset({"fingerprint", "content_sha256"})
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")

Update = Callable[[Any, Any], None]
"""Adds a value to a digest."""


def content_sha256(row: Row, schema: pa.Schema) -> str:
    """Return the sha256 of a row as a shard of this schema stores it.

    Every column counts but itself, ``fingerprint`` and the measures; a null counts as no column, so
    that a new column without values changes no digest. Numbers count in the type of their column.

    Args:
        row: as ``rows_from_table`` makes it; its other columns are passed over.
        schema: of the shard.
    """
    digest = hashlib.sha256()
    for name, begin, update in _columns(schema):
        value = row.get(name)
        if value is not None:
            digest.update(begin)
            update(digest, value)
    return digest.hexdigest()


def content_names(schema: pa.Schema) -> frozenset[str]:
    """Return the columns that count in ``content_sha256``."""
    return frozenset(schema.names) - _NO_CONTENT - measure_names(schema)


@cache
def _columns(schema: pa.Schema) -> list[tuple[str, bytes, Update]]:
    """Return name, first bytes and update of each column that counts, by name."""
    names = sorted(content_names(schema))
    return [(name, f"\0{name}=".encode(), _update_of(schema.field(name).type)) for name in names]


def _update_of(kind: pa.DataType) -> Update:
    """Return what adds a value of a type to a digest."""
    shape, leaf = fixed_shape(kind)
    if shape and pa.types.is_floating(leaf):
        return _numbers(np.dtype(leaf.to_pandas_dtype()).newbyteorder("<"))
    if pa.types.is_struct(kind):
        return _struct({kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)})
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return _list(kind.value_type)
    if pa.types.is_floating(kind):
        packed = _DOUBLE if pa.types.is_float64(kind) else _FLOAT
        return lambda digest, value: digest.update(packed.pack(value))
    if pa.types.is_binary(kind):
        return _bytes
    if pa.types.is_string(kind):
        return lambda digest, value: _bytes(digest, value.encode())
    return lambda digest, value: digest.update(b"%d;" % value)


def _bytes(digest: Any, value: bytes) -> None:
    digest.update(b"%d:" % len(value))
    digest.update(value)


def _numbers(kind: np.dtype[Any]) -> Update:
    def update(digest: Any, value: Any) -> None:
        digest.update(np.ascontiguousarray(value, kind))

    return update


def _nullable(update: Update) -> Update:
    def update_or_null(digest: Any, value: Any) -> None:
        digest.update(b"n" if value is None else b"v")
        if value is not None:
            update(digest, value)

    return update_or_null


def _list(kind: pa.DataType) -> Update:
    update = _nullable(_update_of(kind))

    def update_all(digest: Any, values: Any) -> None:
        digest.update(b"[%d" % len(values))
        for value in values:
            update(digest, value)

    return update_all


def _struct(kinds: dict[str, pa.DataType]) -> Update:
    updates = {name: _nullable(_update_of(kind)) for name, kind in kinds.items()}

    def update_all(digest: Any, value: Any) -> None:
        for name, update in updates.items():
            update(digest, value.get(name))

    return update_all


def listed_sha256(row: Row) -> str:
    """Return the sha256 of what a reader lists and loads, in whatever types."""
    digest = hashlib.sha256()
    for name in sorted(row.keys() - _NO_CONTENT):
        digest.update(f"\0{name}=".encode())
        _update(digest, row[name])
    return digest.hexdigest()


def _update(digest: Any, value: Any) -> None:
    match value:
        case np.ndarray():
            digest.update(f"a{value.dtype.str}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value))
        case bytes():
            digest.update(f"b{len(value)}:".encode())
            digest.update(value)
        case str():
            encoded = value.encode(errors="surrogateescape")  # a path whose bytes are no UTF-8
            digest.update(b"s%d:" % len(encoded) + encoded)
        case dict():
            digest.update(b"{%d" % len(value))
            for key in sorted(value):
                _update(digest, key)
                _update(digest, value[key])
        case list() | tuple():
            digest.update(b"[%d" % len(value))
            for item in value:
                _update(digest, item)
        case _:
            digest.update(f"v{value!r};".encode())
