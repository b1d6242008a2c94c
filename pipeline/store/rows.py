"""Rows (plain dicts) to Arrow tables and back.

In a row, a column of fixed-size lists of numbers is a numpy array, a list of structs a list of
dicts, everything else a plain Python value. ``None`` is null.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.errors import SchemaError
from pipeline.types import Row


class _NoPandas(MetaPathFinder):
    """Finds no pandas."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def _look_for_pandas() -> None:
    """Let Arrow look for pandas now and find none.

    At its first conversion it imports pandas to know its types, which takes a process longer than
    ten rows do. Conversions from and to pandas go on working: they look again.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    pa.array([None])
    sys.meta_path.remove(finder)


_look_for_pandas()


def rows_from_table(table: pa.Table) -> list[Row]:
    """Convert a table to rows; numbers in fixed-size lists become numpy views."""
    columns = {
        name: _values(column.combine_chunks())
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def table_from_rows(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Convert rows to a table of exactly this schema.

    Raises:
        SchemaError: a row has a column the schema lacks, lacks one that may not be null, or holds a
            value of another type or shape.
    """
    names = set(schema.names)
    for row in rows:
        if unknown := sorted(row.keys() - names):
            raise SchemaError(f"sample {row.get('sample_id')!r}: unknown columns {unknown}")
    arrays = [_array([row.get(field.name) for row in rows], field, rows) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def fixed_shape(kind: pa.DataType) -> tuple[tuple[int, ...], pa.DataType]:
    """Return the shape of nested fixed-size lists and the type they hold."""
    shape: list[int] = []
    while pa.types.is_fixed_size_list(kind):
        shape.append(kind.list_size)
        kind = kind.value_type
    return tuple(shape), kind


def _values(array: pa.Array) -> list[Any]:
    """Convert one column to row values."""
    kind = array.type
    shape, leaf = fixed_shape(kind)
    if shape and pa.types.is_floating(leaf):
        return _blocks(array, shape)
    if pa.types.is_struct(kind) and array.null_count == 0:
        return _dicts(array)
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return _lists_of_dicts(array)
    values: list[Any] = array.to_pylist()
    return values


def _blocks(array: pa.Array, shape: tuple[int, ...]) -> list[Any]:
    """Convert fixed-size lists of numbers: views of one block, where none of them is null."""
    if array.null_count:
        return [None if v is None else np.asarray(v, np.float32) for v in array.to_pylist()]
    flat = array
    for _ in shape:
        flat = flat.flatten()
    return list(flat.to_numpy(zero_copy_only=False).reshape(len(array), *shape))


def _dicts(array: pa.Array) -> list[Any]:
    kind = array.type
    names = [kind.field(i).name for i in range(kind.num_fields)]
    children = [_values(child) for child in array.flatten()]
    return [dict(zip(names, values, strict=True)) for values in zip(*children, strict=True)]


def _lists_of_dicts(array: pa.Array) -> list[Any]:
    items = _values(array.flatten())
    lengths = array.value_lengths().to_pylist()
    ends = np.cumsum([length or 0 for length in lengths]).tolist()
    return [
        None if length is None else items[end - length : end]
        for length, end in zip(lengths, ends, strict=True)
    ]


def _array(values: list[Any], field: pa.Field, rows: Sequence[Row]) -> pa.Array:
    """Convert one column of row values to Arrow."""
    if not field.nullable and (missing := [i for i, v in enumerate(values) if v is None]):
        sample = rows[missing[0]].get("sample_id")
        raise SchemaError(f"sample {sample!r}: column {field.name!r} may not be empty")
    try:
        return _typed_array(values, field.type)
    except (ValueError, TypeError, pa.ArrowException, KeyError) as error:
        raise SchemaError(f"column {field.name!r} does not hold {field.type}: {error}") from error


def _typed_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    shape, leaf = fixed_shape(kind)
    complete = bool(values) and all(value is not None for value in values)
    if complete and shape and pa.types.is_floating(leaf):
        return _array_of_blocks(values, kind)
    if values and pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return _array_of_lists(values, kind)
    if complete and pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        children = [_typed_array([v[f.name] for v in values], f.type) for f in fields]
        return pa.StructArray.from_arrays(children, fields=fields)
    return pa.array([v.tolist() if isinstance(v, np.ndarray) else v for v in values], kind)


def _array_of_blocks(values: list[Any], kind: pa.DataType) -> pa.Array:
    shape, leaf = fixed_shape(kind)
    block = np.stack([np.asarray(value, np.float32) for value in values])
    if block.shape[1:] != shape:
        raise ValueError(f"shape {block.shape[1:]} instead of {shape}")
    array = pa.array(block.reshape(-1), leaf)
    for length in reversed(shape):
        array = pa.FixedSizeListArray.from_arrays(array, length)
    return array.cast(kind)


def _array_of_lists(values: list[Any], kind: pa.DataType) -> pa.Array:
    items = _typed_array([item for value in values for item in value or ()], kind.value_type)
    offsets = np.cumsum([0, *(len(value or ()) for value in values)], dtype=np.int32)
    nulls = pa.array([value is None for value in values])
    return pa.ListArray.from_arrays(offsets, items, type=kind, mask=nulls)
