"""What params name in a list counts once: no list takes a value twice."""

from pathlib import Path

import pytest

from pipeline.errors import ParamsError
from pipeline.params.load import check_params, read_yaml

ROOT = Path(__file__).resolve().parents[2]


def lists_in(values, path=()):
    """Yield each list of plain values in params, and its path."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from lists_in(value, (*path, key))
        elif isinstance(value, list) and value and not isinstance(value[0], dict):
            yield (*path, key), value


def test_no_list_takes_a_value_twice():
    values = read_yaml(ROOT / "params.yaml")
    lists = list(lists_in(values))
    assert {path[-1] for path, _ in lists} >= {"bands", "splits", "designs", "generators"}
    for path, items in lists:
        items.append(items[0])
        with pytest.raises(ParamsError, match=rf"{path[0]}.*{path[-1]}"):
            check_params(values, ROOT / "params.yaml")
        items.pop()
