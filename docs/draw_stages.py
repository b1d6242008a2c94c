"""Draws ``docs/stages.svg``, the graph of the stages in ``dvc.yaml``: ``make graph``.

A stage stands below those whose outputs it reads. An arrow that others imply is left out, and so
are those from ``weights``, which nearly all stages open: their frames are thick. Long arrows pass
through empty places of the rows between, which are ordered by the means of their neighbours.
Stages without an entry in ``params.yaml``, as ``export``, are not drawn.

Reference:
    K. Sugiyama, S. Tagawa, M. Toda, Methods for visual understanding of hierarchical system
    structures, IEEE Transactions on Systems, Man and Cybernetics 11(2), 1981.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT, COLUMN, ROW, MARGIN = 124, 24, 136, 50, 12
SWEEPS = 24

Edges = dict[str, set[str]]
"""For each stage, or empty place, those it reads."""


def read_edges(root: Path) -> Edges:
    """Return which stage reads which, from ``dvc.yaml`` and the entries of ``params.yaml``.

    Entries of a stage (``parse@sample``) are told apart until what is implied is left out: that
    one entry of ``protocols`` reads bodies does not make those of faces do so.

    Args:
        root: the project's folder.

    Returns:
        For each stage those it reads; ``weights`` with all that open it.
    """
    stages = _read(root / "dvc.yaml")["stages"]
    params = _read(root / "params.yaml")
    reads: dict[str, set[str]] = {}
    writes: dict[str, set[str]] = {}
    for name, stage in stages.items():
        body = stage.get("do", stage)
        for values in _entries(stage, params):
            entry = f"{name}@{values.get('key', '')}"
            reads[entry] = {_filled(path, values) for path in body.get("deps", ())}
            writes[entry] = {_filled(path, values) for path in _paths(body.get("outs", ()))}
    entries = {
        entry: {
            other
            for other in reads
            if other != entry and any(_meet(a, b) for a in reads[entry] for b in writes[other])
        }
        for entry in reads
    }
    edges: Edges = {_stage(entry): set() for entry in entries}
    weights = {entry for entry in entries if _stage(entry) == "weights"}
    for entry, read in _reduced({e: read - weights for e, read in entries.items()}).items():
        edges[_stage(entry)] |= {_stage(one) for one in read | (entries[entry] & weights)}
    return edges


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = YAML(typ="safe").load(path.read_text())
    return values


def _stage(entry: str) -> str:
    return entry.split("@")[0]


def _reduced(edges: Edges) -> Edges:
    """Return the edges without those that a longer way implies."""
    above = {name: _all_above(name, edges) for name in edges}
    return {
        name: {one for one in read if not any(one in above[other] for other in read)}
        for name, read in edges.items()
    }


def draw(edges: Edges) -> str:
    """Return the graph as SVG.

    Args:
        edges: for each stage those it reads, without circles; ``weights`` may be one.

    Returns:
        The text of the file. The same edges give the same text.
    """
    opens_weights = {name for name, read in edges.items() if "weights" in read}
    shown = {name: read - {"weights"} for name, read in edges.items() if name != "weights"}
    rows, ways = _with_places(shown)
    rows = _ordered(rows, ways)
    across = max(len(row) for row in rows)
    centre = {
        name: (
            MARGIN + (column + (across - len(row) + 1) / 2) * COLUMN,
            MARGIN + HEIGHT / 2 + number * ROW,
        )
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    lines = [
        _curve([centre[place] for place in (start, *between, end)])
        for (start, end), between in sorted(ways.items())
    ]
    boxes = [
        _box(name, *centre[name], thick=name in opens_weights)
        for row in rows
        for name in row
        if name in shown
    ]
    width, height = 2 * MARGIN + across * COLUMN, 2 * MARGIN + HEIGHT + (len(rows) - 1) * ROW
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>',
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


def _entries(stage: Mapping[str, Any], params: Mapping[str, Any]) -> Iterable[Mapping[str, str]]:
    """Return what ``${…}`` means in each entry of a stage's ``foreach``."""
    if "foreach" not in stage:
        return [{}]
    section = params[stage["foreach"].strip("${}")]
    return [
        {"key": key} | {f"item.{name}": str(value) for name, value in (item or {}).items()}
        for key, item in section.items()
    ]


def _filled(path: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda found: values.get(found[1], found[0]), path)


def _paths(outs: Iterable[str | Mapping[str, Any]]) -> list[str]:
    return [out if isinstance(out, str) else next(iter(out)) for out in outs]


def _meet(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies in the other."""
    short, long = sorted((one.split("/"), other.split("/")), key=len)
    return long[: len(short)] == short


def _all_above(name: str, edges: Edges) -> set[str]:
    above: set[str] = set()
    waiting = list(edges[name])
    while waiting:
        one = waiting.pop()
        if one not in above:
            above.add(one)
            waiting.extend(edges[one])
    return above


def _depths(edges: Edges) -> dict[str, int]:
    depth: dict[str, int] = {}

    def settle(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max((settle(one) for one in edges[name]), default=-1)
        return depth[name]

    for name in edges:
        settle(name)
    return depth


def _with_places(edges: Edges) -> tuple[list[list[str]], dict[tuple[str, str], list[str]]]:
    """Put stages into rows, and empty places where an arrow crosses a row."""
    depth = _depths(edges)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name in edges:
        rows[depth[name]].append(name)
    ways: dict[tuple[str, str], list[str]] = {}
    for name, read in edges.items():
        for one in sorted(read):
            between = range(depth[one] + 1, depth[name])
            # One way down for all arrows from a stage: they part where they arrive.
            ways[one, name] = [f"{one} {row}" for row in between]
            for row in between:
                if f"{one} {row}" not in rows[row]:
                    rows[row].append(f"{one} {row}")
    return rows, ways


def _ordered(rows: list[list[str]], ways: Mapping[tuple[str, str], list[str]]) -> list[list[str]]:
    """Order each row by the means of its neighbours, downwards and upwards in turn."""
    neighbours: dict[str, set[str]] = {name: set() for row in rows for name in row}
    for (start, end), between in ways.items():
        way = [start, *between, end]
        for one, other in pairwise(way):
            neighbours[one].add(other)
            neighbours[other].add(one)
    for sweep in range(SWEEPS):
        place = {name: i - len(row) / 2 for row in rows for i, name in enumerate(row)}
        for number in range(len(rows)) if sweep % 2 == 0 else reversed(range(len(rows))):
            side = rows[number - 1 if sweep % 2 == 0 else (number + 1) % len(rows)]
            wanted = {name: neighbours[name] & set(side) for name in rows[number]}
            mean = {
                name: sum(place[one] for one in sorted(near)) / len(near) if near else place[name]
                for name, near in wanted.items()
            }
            rows[number] = sorted(rows[number], key=lambda name: (mean[name], name))
            place |= {name: i - len(rows[number]) / 2 for i, name in enumerate(rows[number])}
    return rows


def _curve(points: list[tuple[float, float]]) -> str:
    (x, y), *rest = points
    path = f"M{x:g} {y + HEIGHT / 2:g}"
    y += HEIGHT / 2
    for number, (x_next, y_next) in enumerate(rest):
        last = number == len(rest) - 1
        end = y_next - HEIGHT / 2 - (1 if last else 0)
        middle = (y + end) / 2
        path += f"C{x:g} {middle:g} {x_next:g} {middle:g} {x_next:g} {end:g}"
        if not last:
            path += f"V{y_next + HEIGHT / 2:g}"
        x, y = x_next, y_next + HEIGHT / 2
    return f'<path d="{path}" fill="none" stroke="#99a" marker-end="url(#tip)"/>'


def _box(name: str, x: float, y: float, *, thick: bool) -> str:
    return (
        f'<rect x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}" width="{WIDTH}" height="{HEIGHT}" '
        f'rx="5" fill="#eef3fb" stroke="#446" stroke-width="{2.5 if thick else 1}"/>'
        f'<text x="{x:g}" y="{y + 4.5:g}" text-anchor="middle" fill="#112">{name}</text>'
    )


if __name__ == "__main__":
    (ROOT / "docs/stages.svg").write_text(draw(read_edges(ROOT)))
