"""What a row tells in numbers and single words, with units: for a page, or a line of text."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.types import Row

Value = str | bool | int | float | list[float | None]

_FOUND = ("faces", "bodies")
"""Lists of what was found in an image, the best first."""

_UNSAID = frozenset(
    {
        *("dataset", "sha256", "content_sha256", "fingerprint", "licence", "region", "seed"),
        *("width_px", "height_px", "frame_index", "camera_id", "media_id"),
        *("session_id", "template", "framing", "classes_present", "policy"),
    }
)
"""Scalar columns that are left out."""
_UNIT = ("unit", "range", "order", "measure")
"""Metadata of a field that say how its value is to be read."""


@dataclass(frozen=True)
class Fact:
    """One value of a row.

    Attributes:
        name: of its column; ``faces[0].score`` for one of the first face.
        value: with four digits; a list holds None for what is not finite.
        unit: unit, range, order or meaning, as the schema has them; may be empty.
    """

    name: str
    value: Value
    unit: str


def scalar_fields(schema: pa.Schema) -> list[pa.Field]:
    """Return the columns of one word, number or truth that are told."""
    return [field for field in schema if field.name not in _UNSAID and _is_scalar(field.type)]


def told_fields(fields: Iterable[pa.Field]) -> list[pa.Field]:
    """Return, beside the scalar ones, columns of few named numbers and of what was found."""
    return [
        field
        for field in fields
        if field.name not in _UNSAID
        and (_is_scalar(field.type) or _is_named(field) or field.name in _FOUND)
    ]


def facts_of(row: Row, fields: Iterable[pa.Field]) -> list[Fact]:
    """Return what a row tells; unknown values stay out.

    Args:
        row: with at least these columns.
        fields: of ``told_fields``.
    """
    found: list[Fact] = []
    for field in fields:
        value = row[field.name]
        if field.name in _FOUND:
            items = value or []
            found.append(Fact(field.name, len(items), ""))
            first = facts_of(items[0], told_fields(field.type.value_type)) if items else []
            found += [replace(fact, name=f"{field.name}[0].{fact.name}") for fact in first]
        elif (plain := _plain(value)) is not None:
            found.append(Fact(field.name, plain, unit_of(field)))
    return found


def unit_of(field: pa.Field) -> str:
    """Return how a column's value is to be read; empty where its name says all."""
    notes = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    if "range" in notes:
        notes["range"] = f"({notes['range']})"
    return ", ".join(notes[key] for key in _UNIT if key in notes)


def _is_scalar(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
    )
    return any(test(kind) for test in tests)


def _is_named(field: pa.Field) -> bool:
    """Tell whether each number of a short list has a name, as yaw, pitch and roll."""
    names = (field.metadata or {}).get(b"order", b"").split()
    kind = field.type
    numbers = pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type)
    return bool(numbers and kind.list_size == len(names))


def _plain(value: Any) -> Value | None:
    """Return a value as JSON has it, None where there is none."""
    if isinstance(value, np.ndarray):
        numbers = [_rounded(float(each)) for each in value]
        return numbers if any(each is not None for each in numbers) else None
    if isinstance(value, float):
        return _rounded(value)
    return None if value == "" else value


def _rounded(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None
