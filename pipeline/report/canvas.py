"""A figure to draw on, without a window."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.store.whole import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_COLOURS = {
    "sface": "#1b9e77",
    "network": "#7570b3",
    "untrained": "#999999",
    "pretrained": "#e08214",
    "trained": "#1f77b4",
    "face": "#e7298a",
}
"""One colour for each row of an evaluation, the same in all figures."""


_WHOLE = ("rank", "step")


def new_figure(width_in: float, height_in: float) -> "Figure":
    """Return an empty figure of this size, inches.

    matplotlib is imported here: every worker imports this package, and none draws.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def line_width(place: int, count: int) -> float:
    """Return the width of one of several lines, the first the widest: none hides one below it."""
    return 1.3 + 0.6 * (count - 1 - place)


def dress(axes: "Axes", title: str, x: str, y: str) -> None:
    """Name a panel and its axes, with a light grid; ranks and steps are counted in whole ones."""
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=8, which="both")
    if x in _WHOLE:
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    axes.grid(linewidth=0.4, alpha=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, at once."""
    with written_whole(path) as partial:
        figure.savefig(partial, format="png", dpi=120)
