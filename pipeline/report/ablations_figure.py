"""The rows of an ablation as a figure: mean and standard deviation over trainings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.params.ablations import NirVisAblationParams
from pipeline.report.ablations import MEASURES, Results
from pipeline.report.canvas import dress, new_figure, save

SHOWN = ("rank1", "tar_at_1e-2")
"""What the HSST paper's figure 4 shows of ten folds."""
_COLOURS = {"plain": "#1f77b4", "masked": "#e08214"}


def ablation_figure(ablation: NirVisAblationParams, results: Results, path: Path) -> None:
    """Draw rank-1 and TAR at FAR 1 % of each row and probes, with their deviation, percent.

    Args:
        ablation: its rows, drawn from the top in their order.
        results: of these; a rate that could not be measured has no point.
        path: of the PNG.
    """
    named = [(name, probes) for name, row in ablation.rows.items() for probes in row.probes]
    words = []
    for name, probes in named:
        row = ablation.rows[name]
        bands = "masked" if row.method.second_rows == "masks" else "bare"
        words.append(f"{row.title} (trained {bands}), {probes} probes")
    figure = new_figure(9.5, 1.4 + 0.26 * len(named))
    panels = figure.subplots(1, len(SHOWN), sharey=True, squeeze=False)[0]
    for axes, measure in zip(panels, SHOWN, strict=True):
        for place, (name, probes) in enumerate(named):
            _mark(axes, -place, results[name][probes][measure], _COLOURS[probes])
        if all(results[name][probes][measure]["value"] is None for name, probes in named):
            axes.text(0.5, 0.5, "too few probes to tell", ha="center", transform=axes.transAxes)
        dress(axes, MEASURES[measure], "percent, mean ± standard deviation", "")
    panels[0].set_yticks([-place for place in range(len(named))], words, fontsize=7)
    for probes in dict.fromkeys(probes for _, probes in named):
        panels[0].plot([], [], "o", color=_COLOURS[probes], label=f"{probes} probes")
    panels[0].legend(frameon=False, fontsize=7)
    save(figure, path)


def _mark(axes: Any, place: int, found: Mapping[str, Any], colour: str) -> None:
    if found["value"] is None:
        return
    value, spread = 100 * found["value"], 100 * (found["std"] or 0.0)
    axes.plot([value - spread, value + spread], [place, place], color=colour, linewidth=1.4)
    axes.plot([value], [place], "o", color=colour, markersize=4.5)
