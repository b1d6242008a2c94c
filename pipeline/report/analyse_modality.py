"""What the stage ``analyse_modality`` shows: a table, a sheet, and figures 5 and 6 of the paper."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.report.canvas import dress, new_figure, save
from pipeline.report.comparison_sheet import comparison_sheet
from pipeline.report.losses import TOTAL, Curve
from pipeline.report.published import published_similarities
from pipeline.store.whole import write_whole
from pipeline.types import UInt8

Moved = Mapping[float, NDArray[np.float64]]
"""By added yaw, how far each dimension moved."""

_CLASSIFICATION = "classify"
"""Column of the loss of classification, where a method has others beside it."""
_DIMENSIONS = 48
"""Dimensions that the figure shows, those that move most."""
_MOST = 2.0
"""Standardised difference at which the figure's colours end."""


def write_modality(
    label: str,
    metrics: Mapping[str, Any],
    drawn: Mapping[str, Sequence[UInt8]],
    images: Mapping[str, UInt8],
    moved: Mapping[str, Moved],
    at: Callable[[str, str], Path],
) -> str:
    """Write the sheet, the paper's figure 5 and the table, and return the table.

    Args:
        label: what DVC calls the stage.
        metrics: of the analysis.
        drawn: what decoders drew of each kind of feature, by its name, the faces first.
        images: as of ``modality_figure``.
        moved: as of ``modality_figure``.
        at: returns the path of a report by its kind and extension: ``StageRun.report``.
    """
    title = f"{label}: faces, and what a decoder draws from each part of their features"
    comparison_sheet(title, drawn, at("contact", ".png"), simulated=metrics["simulated"])
    modality_figure(images, moved, at("figures", ".png"))
    table = modality_table(metrics)
    write_whole(at("figures", ".md"), table)
    return table


def modality_table(metrics: Mapping[str, Any]) -> str:
    """Return a Markdown table of the modality's size before and after each training."""
    lines = [
        "# How large the modality of synthetic faces is",
        "",
        f"{metrics['faces']} faces of {metrics['subjects']} held-out subjects. AUC of a linear "
        "probe that tells synthetic faces from real ones, on subjects that it did not see (0.5: "
        "it can't); mean cosine between different subjects. [95 % intervals, subjects resampled]",
        "",
        "| network | probe AUC | real – real | real – synthetic | synthetic – synthetic | same |",
        "|---|---|---|---|---|---|",
    ]
    for row, auc in metrics["probe_auc"].items():
        between = metrics["inter_class"][row]
        cells = [
            auc,
            *(between[pair] for pair in ("real_real", "real_synthetic", "synthetic_synthetic")),
            metrics["intra_class"][row],
        ]
        lines.append(f"| {row} | {' | '.join(map(_cell, cells))} |")
    lines += ["", "AUC by what made the faces:", ""]
    names = list(metrics["by_generator"]["before"])
    lines += [f"| network | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row, found in metrics["by_generator"].items():
        lines.append(f"| {row} | {' | '.join(_cell(found[name]) for name in names)} |")
    if metrics["table_1"]:
        lines += ["", "Table 1 of the paper: one network, its filter on the last row alone.", ""]
        lines += ["| faces | intra-class | inter-class |", "|---|---|---|"]
        for row, found in metrics["table_1"].items():
            cells = [_cell(found["intra_class"]), _cell(found["inter_class"])]
            lines.append(f"| {row.replace('_', ' ')} | {' | '.join(cells)} |")
        lines += ["", *published_similarities()]
    return "\n".join([*lines, ""])


def modality_figure(
    images: Mapping[str, UInt8],
    moved: Mapping[str, Moved],
    path: Path,
) -> None:
    """Draw the paper's figure 5: images by added yaw, and which dimensions of features move.

    Args:
        images: a face, and what was made of it, by caption.
        moved: by network and added yaw, the standardised difference of each dimension.
        path: of the PNG.
    """
    rows, columns = max(1, len(moved)), max(1, len(images))
    figure = new_figure(max(6.0, 1.3 * columns), 1.9 + 1.2 * rows)
    found = figure.subfigures(2, 1, height_ratios=[1.7, 1.2 * rows])
    upper, lower = np.asarray(found, dtype=object)
    for axes, (caption, image) in zip(
        np.atleast_1d(upper.subplots(1, columns)), images.items(), strict=False
    ):
        axes.imshow(image)
        axes.set_title(caption, fontsize=8)
        axes.set_axis_off()
    for axes, (network, by_yaw) in zip(
        np.atleast_1d(lower.subplots(rows, 1)), moved.items(), strict=False
    ):
        axes.set_title(network, fontsize=8)
        if not by_yaw:
            axes.text(0.5, 0.5, "no turned faces", ha="center", va="center")
            continue
        table = np.stack(list(by_yaw.values()))
        order = np.argsort(-np.abs(table[0]))[:_DIMENSIONS]
        axes.imshow(table[:, order], cmap="RdBu", vmin=-_MOST, vmax=_MOST, aspect="auto")
        axes.set_yticks(range(len(by_yaw)), [f"Δc = {yaw:g}°" for yaw in by_yaw], fontsize=7)
        axes.set_xticks([])
    span = f"−{_MOST:g} (red) to {_MOST:g} (blue)"
    words = f"standardised difference from the real face, {span}; largest first"
    lower.suptitle(words, fontsize=8)
    save(figure, path)


def curves_figure(curves: Mapping[str, Curve], path: Path) -> None:
    """Draw the paper's figure 6: the loss of each training's classification by step.

    What a method adds to that, as a reconstruction of hundreds, would hide all the others.
    """
    figure = new_figure(6.0, 3.6)
    axes = figure.subplots()
    for name, curve in curves.items():
        steps = [point["step"] for point in curve]
        losses = [point.get(_CLASSIFICATION, point[TOTAL]) for point in curve]
        axes.plot(steps, losses, linewidth=1.1, label=name)
    dress(axes, "loss of each training's classification", "step", "loss")
    if axes.has_data():
        axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def read_curve(path: Path) -> Sequence[Mapping[str, float]]:
    """Read what ``write_curve`` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def _cell(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "–"
    text = f"{rate['value']:.3f}"
    if rate["ci95"] is not None:
        text += f" [{', '.join(f'{bound:.3f}' for bound in rate['ci95'])}]"
    return text
