"""Typed values as JSON and as CSV cells, and back again, exactly.

Numbers keep every bit: float32 arrays are written by their shortest decimal form. What JSON has no
word for is a string: ``"NaN"``, ``"-NaN"``, ``"Infinity"``, ``"-Infinity"``; bytes are base64. A
NaN of other bits, as GPUs make them, is ``"NaN:"`` with those of the float64 in hexadecimal digits.
The column's Arrow type says how to read a value back.
"""

import base64
import math
import struct
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.types import Row

_NAN, _NEGATIVE_NAN = "7ff8000000000000", "fff8000000000000"


def to_json(row: Row) -> bytes:
    """Write a row without its images as one line of JSON, keys in the row's order."""
    values = {name: _plain(value) for name, value in row.items()}
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)


def from_json(text: bytes | str, schema: pa.Schema) -> Row:
    """Read a row that ``to_json`` wrote; columns that the schema lacks stay out."""
    values = orjson.loads(text)
    return {
        field.name: _typed(values[field.name], field.type)
        for field in schema
        if field.name in values
    }


def to_cell(value: Any) -> str:
    """Write a value as a CSV cell: null is empty, text stays itself, the rest is JSON.

    Text that is empty, begins with a quotation mark or has a carriage return is JSON too: no two
    values then look alike to any reader of CSV.
    """
    if value is None:
        return ""
    if isinstance(value, str) and _is_plain(value):
        return value
    return orjson.dumps(_plain(value), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _is_plain(text: str) -> bool:
    return bool(text) and not text.startswith('"') and "\r" not in text


def from_cell(cell: str, kind: pa.DataType) -> Any:
    """Read a cell that ``to_cell`` wrote."""
    if cell == "":
        return None
    if pa.types.is_string(kind) and not cell.startswith('"'):
        return cell
    return _typed(orjson.loads(cell), kind)


def _plain(value: Any) -> Any:
    match value:
        case np.ndarray():
            if np.isfinite(value).all():
                return np.ascontiguousarray(value)
            return _plain(value.tolist())
        case float() if not math.isfinite(value):
            return _word(value)
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def _word(value: float) -> str:
    if not math.isnan(value):
        return "Infinity" if value > 0 else "-Infinity"
    bits = struct.pack(">d", value).hex()
    return {_NAN: "NaN", _NEGATIVE_NAN: "-NaN"}.get(bits, f"NaN:{bits}")


def _number(value: Any) -> float:
    if isinstance(value, str) and value.startswith("NaN:"):
        (number,) = struct.unpack(">d", bytes.fromhex(value.removeprefix("NaN:")))
        return float(number)
    return float(value)


def _numbers(value: Any) -> Any:
    return [_numbers(item) for item in value] if isinstance(value, list) else _number(value)


def _floats(value: Any) -> NDArray[np.float32]:
    try:
        return np.array(value, np.float32)
    except ValueError:  # a NaN's bits, which numpy does not read
        return np.array(_numbers(value), np.float32)


def _typed(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_fixed_size_list(kind):
        leaf = kind
        while pa.types.is_fixed_size_list(leaf):
            leaf = leaf.value_type
        return _floats(value) if pa.types.is_floating(leaf) else value
    if pa.types.is_list(kind):
        return [_typed(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return {field.name: _typed(value[field.name], field.type) for field in fields}
    if pa.types.is_floating(kind):
        return _number(value)
    return base64.b64decode(value) if pa.types.is_binary(kind) else value
