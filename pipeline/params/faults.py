"""Faults of a parameter file in its own words: the key, what was found, what is expected."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml.error import MarkedYAMLError

from pipeline.errors import one_line
from pipeline.params.base import NAME_PATTERN, ONNX_PATTERN, SHA256_PATTERN

_NAMED_KEYS = 3
"""Missing keys of an entry that are named; of more, this line alone."""

_OF_KEYS = ("dict_type", "model_type", "model_attributes_type")
"""What pydantic calls a value that is none where keys have to be."""


_KINDS = {"tuple_type": "expected a list in [ ]"} | dict.fromkeys(_OF_KEYS, "expected keys")
"""What pydantic tells in the words of JSON: arrays and objects."""

_PATTERNS = {
    NAME_PATTERN: "a name has lower-case letters, digits and _ (not first)",
    SHA256_PATTERN: "expected what sha256sum prints: 64 digits of 0-9 and a-f",
    ONNX_PATTERN: "expected a file whose name ends in .onnx",
}
"""What a text has to be, in place of its regular expression."""


def fault_of_text(error: Exception) -> str:
    """Say in a line why a text can't be read as YAML, with the number of the line at fault."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return one_line(error)
    begun, mark, problem = error.context_mark, error.problem_mark, str(error.problem)
    if begun is not None and problem == "could not find expected ':'":
        return f"line {begun.line + 1}: expected ':' after the key"
    if problem.startswith("found character '\\t'"):
        return f"line {mark.line + 1}: a tab: indent with spaces"
    if problem.startswith("expected <block end>"):
        return (
            f"line {mark.line + 1}: does not fit the lines above: a ':' is missing there, "
            "or the indentation differs"
        )
    within = f"{error.context} from line {begun.line + 1}: " if begun is not None else ""
    return f"line {mark.line + 1}: {within}{' '.join(problem.split())}"


def faults_of(model: type[BaseModel], error: ValidationError) -> list[str]:
    """Return a line for each fault that pydantic found, and one for an entry that lacks much."""
    items: list[dict[str, Any]] = [dict(item) for item in error.errors()]
    lacks: dict[tuple[str, ...], list[str]] = {}
    for item in items:
        if item["type"] == "missing" and len(item["loc"]) > 2:
            *above, key = map(str, item["loc"])
            lacks.setdefault(tuple(above), []).append(key)
    much = {entry: keys for entry, keys in lacks.items() if len(keys) > _NAMED_KEYS}
    faults = [
        f"{'.'.join(_place(model, entry)[0])}: {lacking(keys)}" for entry, keys in much.items()
    ]
    return faults + [
        _fault(model, item)
        for item in items
        if item["type"] != "missing" or tuple(map(str, item["loc"][:-1])) not in much
    ]


def lacking(keys: Sequence[str]) -> str:
    """Say which keys an entry lacks, the first few by name."""
    named, more = ", ".join(keys[:_NAMED_KEYS]), len(keys) - _NAMED_KEYS
    return f"lacks {named}{f' and {more} more keys' if more > 0 else ''}: give all of its keys"


def _fault(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    location, known, kinds = _place(model, [str(part) for part in error["loc"] if part != "[key]"])
    path = ".".join(location) or "the whole file"
    if error["type"] == "extra_forbidden":
        return f"{path}: unknown key{_near(location[-1], known)}"
    if error["type"] == "missing":
        return f"{path}: this key is missing"
    if error["type"].startswith("union_tag_"):
        return _unknown_kind(path, kinds, error)
    if error["input"] is None and error["type"] in _OF_KEYS:
        return f"{path}: empty: give its keys, or write {{}} for none"
    message = error["msg"].removeprefix("Value error, ")
    message = _PATTERNS.get(error.get("ctx", {}).get("pattern"), message)
    message = _KINDS.get(error["type"], message)
    if error["loc"][-1:] == ("[key]",):  # what was found ends the path
        return f"{path}: {message}"
    if not location and re.split(r"[.:\s]", message)[0] in model.model_fields:
        return str(message)  # it begins with the key
    if isinstance(error["input"], Mapping):  # keys that disagree: the message names them
        return f"{path}: {message}"
    return f"{path}: {message}, found {error['input']!r}"


def _near(found: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(found, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _unknown_kind(path: str, kinds: Sequence[str], error: Mapping[str, Any]) -> str:
    """Word what pydantic calls a tag: the key by which an entry is one of several things."""
    key = str(error["ctx"]["discriminator"]).strip("'")
    expected = f"expected one of {', '.join(kinds)}"
    if error["type"] == "union_tag_not_found":
        return f"{path}.{key}: this key is missing, {expected}"
    found = str(error["ctx"]["tag"])
    return f"{path}.{key}: {expected}, found {found!r}{_near(found, kinds)}"


def _place(
    model: type[BaseModel], location: Iterable[str]
) -> tuple[list[str], list[str], list[str]]:
    """Return the keys that lead to a fault in the file, those beside it, and what kinds it has.

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
    return path, known, list(_written_out(node, schema).get("discriminator", {}).get("mapping", {}))


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
