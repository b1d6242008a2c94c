"""Conditions in SQL that choose the same rows each time they are asked."""

import json
from collections.abc import Collection, Iterator
from typing import Any

import duckdb

_SAMPLE = "a sample"


def unrepeatable(where: str, columns: Collection[str]) -> list[str]:
    """Return what in a condition answers otherwise when it is asked again, sorted.

    An export asks for its rows several times: for their number, their labels, their units. A
    condition that is no SQL has none; whoever asks DuckDB with it is told.

    Args:
        where: the condition.
        columns: names that are columns, whatever else they might be.
    """
    with duckdb.connect() as connection:
        statement = connection.execute(
            "SELECT json_serialize_sql(?)", [f"SELECT 1 WHERE {where}"]
        ).fetchall()[0][0]
        unstable = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() "
            "WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')"
        ).fetchall()
    names = set(_names(json.loads(statement))) - set(columns)
    return sorted(names & {_SAMPLE, *(name for (name,) in unstable)})


def _names(node: Any) -> Iterator[str]:
    """Yield the functions and names without a table that a serialised statement has."""
    if isinstance(node, list):
        for each in node:
            yield from _names(each)
    elif isinstance(node, dict):
        if isinstance(name := node.get("function_name"), str):
            yield name.lower()
        if len(column := node.get("column_names") or []) == 1:
            yield str(column[0]).lower()
        if node.get("sample"):
            yield _SAMPLE
        for each in node.values():
            yield from _names(each)
