"""Curves and matrices as SVG, coloured by the page's style sheet."""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from markupsafe import Markup, escape

Curves = dict[str, list[tuple[float, float]]]
"""Points of each line, by its name."""

_COLOURS = 6
COLOUR_OF_ROW = {
    **{"untrained": 0, "pretrained": 1, "trained": 2},
    **{"sface": 3, "network": 4, "face": 5},
}
"""Colours of the style sheet, one for each row of an evaluation, as in ``canvas.ROW_COLOURS``."""

WIDTH, HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 42
_MOST_POINTS = 400
_LEAST = 1e-6
_STEPS = 5


def read_curves(path: Path, x: str, y: str) -> Curves:
    """Read the lines of a CSV; a line for each value of a column ``row`` or ``fold``, if any."""
    found: Curves = {}
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            name = line.get("row") or (f"fold {line['fold']}" if "fold" in line else y)
            found.setdefault(name, []).append((float(line[x]), float(line[y])))
    return {name: _thinned(points) for name, points in found.items()}


def det_of(roc: Curves) -> Curves:
    """Return the misses over the false accepts of a ROC."""
    return {
        name: [(far, 1 - tar) for far, tar in points if tar < 1] for name, points in roc.items()
    }


def line_chart(
    curves: Curves, x: str, y: str, *, log_x: bool = False, log_y: bool = False
) -> Markup:
    """Draw lines over two axes, a legend below.

    Args:
        curves: at least one point altogether, or the chart says that there is nothing.
        x: name of the axis.
        y: likewise.
        log_x: logarithmic; points at 0 and below are left out.
        log_y: likewise.
    """
    kept = {
        name: [p for p in points if not (log_x and p[0] < _LEAST) and not (log_y and p[1] < _LEAST)]
        for name, points in curves.items()
    }
    kept = {name: points for name, points in kept.items() if points}
    if not kept:
        return Markup("<p class=quiet>No {} to draw.</p>").format(f"{y} over {x}")
    points = [point for line in kept.values() for point in line]
    place_x, ticks_x = _axis([p[0] for p in points], log_x, _LEFT, WIDTH - _RIGHT)
    place_y, ticks_y = _axis([p[1] for p in points], log_y, HEIGHT - _BOTTOM, _TOP)
    parts = [*_grid(ticks_x, ticks_y, place_x, place_y), *_names(x, y)]
    colours = {name: COLOUR_OF_ROW.get(name, number % _COLOURS) for number, name in enumerate(kept)}
    for name, line in kept.items():
        path = "L".join(f"{place_x(a):.1f} {place_y(b):.1f}" for a, b in line)
        parts.append(f'<path class="line c{colours[name]}" d="M{path}"/>')
        if len(line) <= 30:
            dots = ((place_x(a), place_y(b)) for a, b in line)
            parts += [
                f'<circle class="dot c{colours[name]}" cx="{a:.1f}" cy="{b:.1f}" r="2.5"/>'
                for a, b in dots
            ]
    label = f"{y} over {x}: {', '.join(kept)}"
    legend = "".join(f"<li class=c{colours[name]}>{escape(name)}</li>" for name in kept)
    return Markup(  # noqa: S704 - numbers, and names escaped here
        f'<figure class=chart><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
        f"<ul class=legend>{legend}</ul></figure>"
    )


def heat_map(
    names: Sequence[str], values: Mapping[tuple[str, str], float], rows: str, columns: str
) -> Markup:
    """Draw a matrix of shares (0..1) in percent, darker where larger; ``–`` where there is none."""
    cell, left, top = 62, 74, 44
    side = cell * len(names)
    parts = [
        _axis_name(columns, f'x="{left + side / 2}" y="14"'),
        _axis_name(rows, f'transform="translate(12 {top + side / 2}) rotate(-90)"'),
    ]
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell
        parts.append(f'<text x="{left + middle}" y="36" text-anchor="middle">{escape(name)}</text>')
        parts.append(
            f'<text x="{left - 8}" y="{top + middle + 4}" text-anchor="end">{escape(name)}</text>'
        )
    for i, row in enumerate(names):
        for j, column in enumerate(names):
            value = values.get((row, column))
            strength = 0 if value is None else min(max(value, 0.0), 1.0)
            x, y = left + j * cell, top + i * cell
            words = "–" if value is None else f"{100 * value:.1f}"
            kind = "heat strong" if strength > 0.55 else "heat"
            parts.append(
                f'<g class="{kind}"><rect x="{x + 1}" y="{y + 1}" width="{cell - 2}" '
                f'height="{cell - 2}" rx="4" fill-opacity="{0.06 + 0.94 * strength:.3f}"/>'
                f'<text x="{x + cell / 2}" y="{y + cell / 2 + 4}" text-anchor="middle">{words}'
                "</text></g>"
            )
    size = f"0 0 {left + side + 6} {top + side + 6}"
    return Markup(  # noqa: S704 - numbers, and names escaped here
        f'<figure class="chart heatmap"><svg viewBox="{size}" role="img" '
        f'aria-label="{escape(columns)} by {escape(rows)}">{"".join(parts)}</svg></figure>'
    )


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    step = max(1, math.ceil(len(points) / _MOST_POINTS))
    return points if step == 1 else [*points[:-1:step], points[-1]]


def _axis(
    values: Sequence[float], log: bool, start: float, end: float
) -> tuple[Callable[[float], float], list[float]]:
    """Return where a value lies between two places, and which values are marked."""
    low, high = min(values), max(values)
    if log:
        first, last = (
            math.floor(math.log10(low)),
            max(math.ceil(math.log10(high)), math.floor(math.log10(low)) + 1),
        )
        marks = [10.0**power for power in range(first, last + 1)]
        return lambda v: start + (math.log10(v) - first) / (last - first) * (end - start), marks
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    step = _round_step((high - low) / _STEPS)
    start_mark = math.floor(low / step) * step
    count = math.ceil((high - start_mark) / step - 1e-9)
    marks = [start_mark + i * step for i in range(count + 1)]
    span = marks[-1] - start_mark or 1.0
    return lambda v: start + (v - start_mark) / span * (end - start), marks


def _round_step(step: float) -> float:
    if step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _grid(
    ticks_x: Sequence[float],
    ticks_y: Sequence[float],
    place_x: Callable[[float], float],
    place_y: Callable[[float], float],
) -> list[str]:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts = []
    for tick in ticks_y:
        y = place_y(tick)
        parts.append(f'<path class=grid d="M{_LEFT} {y:.1f}H{right}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in ticks_x:
        x = place_x(tick)
        parts.append(f'<path class=grid d="M{x:.1f} {_TOP}V{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    return parts


def _names(x: str, y: str) -> list[str]:
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    turned = f'transform="translate(12 {(_TOP + HEIGHT - _BOTTOM) / 2}) rotate(-90)"'
    return [_axis_name(x, f'x="{middle}" y="{HEIGHT - 6}"'), _axis_name(y, turned)]


def _axis_name(words: str, place: str) -> str:
    return f'<text class=axis {place} text-anchor="middle">{escape(words)}</text>'
