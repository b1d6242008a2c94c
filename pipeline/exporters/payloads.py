"""Rows as files: images and other bytes apart, the rest as JSON beside them; and back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.exporters.names import extension_of
from pipeline.types import Row


@dataclass(frozen=True)
class Payload:
    """The bytes of one column of one row.

    Attributes:
        column: its name.
        data: the bytes, as the shard holds them.
        extension: what a file of them ends in, without the dot.
    """

    column: str
    data: bytes
    extension: str


def is_image(kind: pa.DataType) -> bool:
    """Tell whether a column of this type holds images."""
    return bool(pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0)


def payload_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that hold images or plain bytes."""
    return [f.name for f in schema if is_image(f.type) or pa.types.is_binary(f.type)]


def take_apart(row: Row, columns: list[str]) -> tuple[Row, list[Payload]]:
    """Part a row into what fits into text and its payloads.

    Of a payload column the text keeps ``{"path": …}``, the former file name, or null where the row
    has none.
    """
    meta, payloads = dict(row), []
    for name in columns:
        value = row[name]
        if value is None:
            continue
        image = isinstance(value, dict)
        data, path = (value["bytes"], value["path"]) if image else (value, None)
        payloads.append(Payload(name, data, extension_of(data, path) if image else "bin"))
        meta[name] = {"path": path}
    return meta, payloads


def text_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of the text that ``take_apart`` leaves."""
    note = pa.struct([("path", pa.string())])
    held = set(payload_columns(schema))
    return pa.schema([pa.field(f.name, note) if f.name in held else f for f in schema])


def put_together(meta: Row, payloads: Mapping[str, bytes], schema: pa.Schema) -> Row:
    """Make the row that ``take_apart`` parted, its columns in the schema's order."""
    return dict(_columns(meta, payloads, schema))


def _columns(
    meta: Row, payloads: Mapping[str, bytes], schema: pa.Schema
) -> Iterator[tuple[str, Any]]:
    for field in schema:
        value = meta.get(field.name)
        if value is not None and is_image(field.type):
            value = {"bytes": payloads[field.name], "path": value["path"]}
        elif value is not None and pa.types.is_binary(field.type):
            value = payloads[field.name]
        yield field.name, value
