"""The graph of the stages in ``dvc.yaml``: what each entry reads and writes, and where to draw it.

A stage stands below those whose outputs it reads. An arrow that others imply is left out. Long
arrows pass through empty places of the rows between, which are ordered by the means of their
neighbours. Stages without an entry in ``params.yaml``, as ``export``, are left out.

Reference:
    K. Sugiyama, S. Tagawa, M. Toda, Methods for visual understanding of hierarchical system
    structures, IEEE Transactions on Systems, Man and Cybernetics 11(2), 1981.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

SWEEPS = 24
MARGIN = 12

Edges = dict[str, set[str]]
"""For each stage, or empty place, those it reads."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Sizes:
    """How large the boxes are and how far apart, in pixels."""

    box_width: int
    box_height: int
    column: int
    row: int


@dataclass(frozen=True)
class Layout:
    """Where the stages and arrows of a graph are drawn.

    Attributes:
        width: of the image, pixels.
        height: likewise.
        centres: middle of each stage's box.
        arrows: the path of each arrow in SVG, from one box's lower edge to the next one's upper.
    """

    width: float
    height: float
    centres: dict[str, Point]
    arrows: tuple[str, ...]


@dataclass(frozen=True)
class StageEntry:
    """One entry of a stage: ``parse@sample``.

    Attributes:
        stage: its name.
        key: of the entry in ``params.yaml``; empty where the stage has no entries.
        deps: paths that it reads, relative to the project.
        outs: paths of its outputs that are no reports.
        reports: paths of its metrics and plots.
        axes: for each curve among these, the names of its columns ``x`` and ``y``.
    """

    stage: str
    key: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    reports: tuple[str, ...]
    axes: dict[str, tuple[str, str]]

    @property
    def name(self) -> str:
        """What DVC calls it."""
        return f"{self.stage}@{self.key}" if self.key else self.stage


def read_entries(root: Path) -> list[StageEntry]:
    """Return all entries of all stages, in the order of ``dvc.yaml`` and ``params.yaml``."""
    stages = _read(root / "dvc.yaml")["stages"]
    params = _read(root / "params.yaml")
    found = []
    for name, stage in stages.items():
        body = stage.get("do", stage)
        for values in _entries(stage, params):
            outs = [_filled(path, values) for path in _paths(body.get("outs", ()))]
            plots = body.get("plots", ())
            shown = [*_paths(body.get("metrics", ())), *_paths(plots)]
            reports = [path for path in outs if path.startswith("reports/")]
            found.append(
                StageEntry(
                    name,
                    values.get("key", ""),
                    tuple(_filled(path, values) for path in body.get("deps", ())),
                    tuple(path for path in outs if path not in reports),
                    (*reports, *(_filled(path, values) for path in shown)),
                    {_filled(path, values): axes for path, axes in _axes(plots)},
                )
            )
    return found


def read_edges(root: Path) -> Edges:
    """Return which stage reads which, from ``dvc.yaml`` and the entries of ``params.yaml``.

    Entries of a stage (``parse@sample``) are told apart until what is implied is left out: that
    one entry of ``protocols`` reads bodies does not make those of faces do so.

    Args:
        root: the project's folder.

    Returns:
        For each stage those it reads; ``weights`` with all that open it.
    """
    found = read_entries(root)
    reads = {entry.name: set(entry.deps) for entry in found}
    writes = {entry.name: {*entry.outs, *entry.reports} for entry in found}
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
    values: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
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


def layout(edges: Edges, sizes: Sizes) -> Layout:
    """Place a graph's boxes and arrows.

    Args:
        edges: for each stage those it reads, without circles; none may be missing.
        sizes: of the boxes.

    Returns:
        The same for the same edges, whatever their order.
    """
    rows, ways = _with_places({name: edges[name] for name in sorted(edges)})
    rows = _ordered(rows, ways)
    across = max(len(row) for row in rows)
    places = {
        name: (
            MARGIN + (column + (across - len(row) + 1) / 2) * sizes.column,
            MARGIN + sizes.box_height / 2 + number * sizes.row,
        )
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    return Layout(
        2 * MARGIN + across * sizes.column,
        2 * MARGIN + sizes.box_height + (len(rows) - 1) * sizes.row,
        {name: places[name] for row in rows for name in row if name in edges},
        tuple(
            _curve([places[place] for place in (start, *between, end)], sizes.box_height)
            for (start, end), between in sorted(ways.items())
        ),
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


def _axes(plots: Iterable[str | Mapping[str, Any]]) -> Iterable[tuple[str, tuple[str, str]]]:
    """Yield the curves among plots with their columns."""
    for plot in plots:
        if isinstance(plot, Mapping):
            for path, spec in plot.items():
                if "x" in (spec or {}) and isinstance(spec.get("y"), str):
                    yield path, (spec["x"], spec["y"])


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


def _curve(points: list[Point], box_height: float) -> str:
    (x, y), *rest = points
    path = f"M{x:g} {y + box_height / 2:g}"
    y += box_height / 2
    for number, (x_next, y_next) in enumerate(rest):
        last = number == len(rest) - 1
        end = y_next - box_height / 2 - (1 if last else 0)
        middle = (y + end) / 2
        path += f"C{x:g} {middle:g} {x_next:g} {middle:g} {x_next:g} {end:g}"
        if not last:
            path += f"V{y_next + box_height / 2:g}"
        x, y = x_next, y_next + box_height / 2
    return path
