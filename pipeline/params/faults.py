"""Faults of a parameter file in its own words: the key, what was found, what is expected."""

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError


def faults_of(model: type[BaseModel], error: ValidationError) -> list[str]:
    """Return a line for each fault that pydantic found."""
    return [_fault(model, dict(item)) for item in error.errors()]


def _fault(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    location, known = _place(model, [str(part) for part in error["loc"]])
    path = ".".join(location) or "the whole file"
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(location[-1], known, n=1)
        return f"{path}: unknown key" + (f", did you mean {near[0]!r}?" if near else "")
    if error["type"] == "missing":
        return f"{path}: this key is missing"
    message = error["msg"].removeprefix("Value error, ")
    if isinstance(error["input"], Mapping):  # keys that disagree: the message names them
        return f"{path}: {message}"
    return f"{path}: {message}, found {error['input']!r}"


def _place(model: type[BaseModel], location: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the keys that lead to a fault in the file, and those that are known beside it.

    Of what may be one of several things, pydantic has the one that it tried among the keys.
    """
    schema = _schema(model)
    path: list[str] = []
    known: list[str] = []
    node: Any = schema
    for part in location:
        node = _written_out(node, schema)
        kinds = node.get("discriminator", {}).get("mapping", {})
        if part in kinds:
            node = {"$ref": kinds[part]}
            continue
        if "anyOf" in node:
            continue
        keys = node.get("properties", {})
        entries = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
        node = keys.get(part) or (node.get("items") if part.isdecimal() else entries[0]) or {}
        known = list(keys)
        path.append(part)
    return path, known


@cache
def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    """Return what keys a model has, made once: that takes 0.1 seconds, and faults are many."""
    return model.model_json_schema()


def _written_out(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a part of a schema stands for; of one that may be null, what else it may be."""
    while "$ref" in node or "anyOf" in node:
        others = [each for each in node.get("anyOf", ()) if each.get("type") != "null"]
        if len(others) > 1:
            break
        node = others[0] if others else schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node
