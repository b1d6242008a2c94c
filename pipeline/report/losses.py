"""What trainings show: their losses by step, as a table and drawn."""

import csv
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.report.canvas import dress, new_figure, save
from pipeline.store.whole import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = Sequence[Mapping[str, float]]
TOTAL = "total"
"""Column of the loss whose gradient is taken, as the engine names it: the plots' y."""

_AXES = {
    "gradient": "norm",
    "limited": "share of steps",
    "spread": "share of the features' length",
    "unexplained": "of a mean map's error",
    "sigma": "of a feature's numbers",
    "sigma_spread": "of a feature's numbers",
    "confidence": "scale",
}
"""What is measured beside losses, by its name or the end of it."""
_ABREAST = 4
"""Panels in a line: more would be too small to read on a page."""
_TITLE_IN = 6.5
"""Inches that a title takes."""
_SMOOTHED = 9
"""Points of the loss curve that its drawn mean spans."""
_SOME_POINTS = 10
"""Points of a curve below which a loss that rose is chance."""


def write_curve(curve: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write a training's losses by step as CSV, for a DVC plot."""
    with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(curve[0]) if curve else ["step", TOTAL])
        writer.writeheader()
        writer.writerows(curve)


def tell_training(
    label: str, curve: Curve, seconds: float, path: Path, *, may_rise: bool = False
) -> None:
    """Print a line of what was trained, and one more where its loss rose: means over tenths.

    Args:
        label: what DVC calls the training, with its fold if it has several.
        curve: its losses by step.
        seconds: that this run's steps took.
        path: where the network lies.
        may_rise: of a loss against an adversary, which says nothing when it rises.
    """
    if not curve:
        print(f"{label}: no steps, network in {path}")
        return
    tenth = max(1, len(curve) // 10)  # a first step alone may lose nothing: queues are empty
    first, last = (
        sum(point[TOTAL] for point in points) / tenth for points in (curve[:tenth], curve[-tenth:])
    )
    print(
        f"{label}: {curve[-1]['step']:.0f} steps, loss {_short(first)} → {_short(last)}, "
        f"{seconds:.1f} s, network in {path}"
    )
    if last > first and len(curve) >= _SOME_POINTS and not may_rise:
        print(
            f"{label}: the loss rose from {_short(first)} to {_short(last)}: lower learning_rate",
            file=sys.stderr,
        )


def _short(loss: float) -> str:
    return f"{loss:.1f}" if abs(loss) >= 1 else f"{loss:.3g}"


def loss_figure(curve: Curve, path: Path) -> None:
    """Draw a training's losses by step, a panel a loss; of several folds, one line each.

    Shares of hard pairs have those of random ones in their own panel.
    """
    names = _panels_of(curve)
    wide = min(max(1, len(names)), _ABREAST)
    high = max(1, -(-len(names) // wide))
    figure = new_figure(max(_TITLE_IN, 1 + 3.2 * wide), 3.0 * high)
    if not names:
        figure.text(0.5, 0.5, "no steps were trained", ha="center", va="center")
    panels = figure.subplots(high, wide, squeeze=False).ravel()
    for axes in panels[max(1, len(names)) :]:
        axes.set_axis_off()
    for axes, name in zip(panels, names, strict=False):
        _draw_panel(axes, curve, name)
    span = int(curve[0]["step"]) if curve else 1
    each = "each step" if span < 2 else f"means of {span} steps"
    said = f"{path.parent.name} {path.stem}: faint, {each}; strong, mean of {_SMOOTHED} of them"
    figure.suptitle(said, fontsize=10)
    save(figure, path)


def _panels_of(curve: Curve) -> list[str]:
    """Return the columns that have a panel of their own."""
    columns = curve[0] if curve else {}
    beside = ("step", "fold")
    return [name for name in columns if name not in beside and not name.startswith("random_")]


def _draw_panel(axes: "Axes", curve: Curve, name: str) -> None:
    random = name.replace("hard_", "random_", 1)
    for _, points in groupby(curve, key=lambda point: point.get("fold")):
        run = list(points)
        steps = np.array([point["step"] for point in run])
        values = np.array([point[name] for point in run])
        axes.plot(steps, values, color="#1f77b4", alpha=0.3, linewidth=0.8)
        axes.plot(steps, _smoothed(values), color="#1f77b4", linewidth=1.4)
        if random != name and random in run[0]:
            axes.plot(steps, [point[random] for point in run], ":", color="#444444")
    kind = _kind_of(name)
    dress(axes, name.replace("_", " "), "step", kind)
    if kind.startswith("share"):
        axes.set_ylim(-0.02, 1.02)


def _kind_of(name: str) -> str:
    """Say what is measured, by the name of its column or the end of it."""
    if name.startswith("hard_"):
        return "share (dotted: of random pairs)"
    return _AXES.get(name, _AXES.get(name.split("_")[-1], "loss"))


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    window = np.ones(min(_SMOOTHED, len(values)))
    made: NDArray[np.float64] = np.convolve(values, window, "same") / np.convolve(
        np.ones(len(values)), window, "same"
    )
    return made
