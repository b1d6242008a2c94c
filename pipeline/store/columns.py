"""What schemas are made of: typed fields with units, and the columns of an image."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.types import Float32, Row

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


def measure(name: str, kind: pa.DataType, of: str, **metadata: str) -> pa.Field:
    """Make the field of a measure: a scalar that a worker writes beside its row for the reports.

    A measure is no part of a row's content, and the next stage does not get it: a better measure
    recomputes its own stage alone.

    Args:
        name: of the column.
        kind: a scalar type; null where nothing could be measured.
        of: what it is, in a few words.
        metadata: unit, range, frame.
    """
    return pa.field(name, kind, metadata={"role": "measure", "of": of, **metadata})


def measure_names(schema: pa.Schema) -> frozenset[str]:
    """Return the columns of a schema that are measures."""
    return frozenset(f.name for f in schema if (f.metadata or {}).get(b"role") == b"measure")


def extend(base: pa.Schema, fields: list[pa.Field], drop: tuple[str, ...] = ()) -> pa.Schema:
    """Add fields to a schema; one of a known name takes the former's place, at the end.

    The measures of the base stay behind: they are of the stage that wrote them.
    """
    names = {added.name for added in fields} | set(drop) | measure_names(base)
    kept = [former for former in base if former.name not in names]
    return pa.schema([*kept, *fields], metadata=base.metadata)


def image_columns(data: bytes, hw: tuple[int, int], name: str) -> Row:
    """Make the image columns of a row.

    Args:
        data: encoded image.
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


def vectors_array(vectors: Sequence[Float32]) -> pa.Array:
    """Make a column of vectors, float32 (d,) each, and of no Python number."""
    ends = np.cumsum([0, *map(len, vectors)], dtype=np.int32)
    values = np.concatenate(vectors).astype(np.float32) if len(vectors) else np.empty(0, np.float32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(values))


def vectors_of(column: pa.ChunkedArray) -> Float32:
    """Return a column of vectors of one length as float32 (n, d)."""
    values = np.asarray(column.combine_chunks().flatten(), np.float32)
    return values.reshape(len(column), -1) if len(column) else np.empty((0, 0), np.float32)


VERSION = "1"
"""Rises when the meaning of a column changes: older shards are then computed anew."""

IDENTITY = [
    field("sample_id", pa.string(), null=False),
    field("dataset", pa.string(), null=False),
    field("subject_id", pa.string()),
    field("session_id", pa.string()),
    field("camera_id", pa.string()),
    field("media_id", pa.string()),
    field("frame_index", pa.int32()),
]

CONTENT = [
    field("band", pa.string(), null=False, values="VIS NIR SWIR MWIR LWIR"),
    field("region", pa.string(), null=False, values="scene face body"),
    field("split", pa.string(), values="train validation test"),
    field("view", pa.string(), values="front left right back"),
    field("expression", pa.string()),
    field("framing", pa.string(), values="head body"),
]

REJECTED = pa.schema(
    [
        *IDENTITY,
        *CONTENT,
        field("reason", pa.string(), null=False),
        field("detail", pa.string(), null=False),
        field("fingerprint", pa.string(), null=False),
    ],
    metadata={"version": VERSION},
)
"""A sample that left the pipeline, and why."""
