"""What schemas are made of: typed fields with units, and the columns of an image."""

import hashlib
from typing import Any

import pyarrow as pa

from pipeline.types import Row

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def floats(*shape: int) -> pa.DataType:
    """Return the type of a float32 array of fixed shape."""
    kind: pa.DataType = pa.float32()
    for length in reversed(shape):
        kind = pa.list_(kind, length)
    return kind


def field(name: str, kind: pa.DataType, *, null: bool = True, **metadata: str) -> pa.Field:
    """Make a field; ``metadata`` says unit, frame, range or order."""
    return pa.field(name, kind, nullable=null, metadata=metadata or None)


def extend(base: pa.Schema, fields: list[pa.Field], drop: tuple[str, ...] = ()) -> pa.Schema:
    """Add fields to a schema; one of a known name takes the former's place, at the end."""
    names = {added.name for added in fields} | set(drop)
    kept = [former for former in base if former.name not in names]
    return pa.schema([*kept, *fields], metadata=base.metadata)


def image_columns(data: bytes, hw: tuple[int, int], name: str) -> Row:
    """Make the image columns of a row.

    Args:
        data: encoded picture.
        hw: its height and width in pixels.
        name: the file name that a person who unpacks the shard would give it.
    """
    columns: dict[str, Any] = {
        "image": {"bytes": data, "path": name},
        "sha256": hashlib.sha256(data).hexdigest(),
        "width_px": hw[1],
        "height_px": hw[0],
    }
    return columns
