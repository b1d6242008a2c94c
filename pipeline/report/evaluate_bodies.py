"""What the stage ``evaluate_bodies`` shows: tables, curves, the matrix of bands, and attention."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.report.canvas import ROW_COLOURS, dress, line_width, new_figure, save
from pipeline.report.published import Published
from pipeline.report.recognition import (
    FEW_PEOPLE,
    ZERO_SHOT,
    Results,
    recognition_figure,
    recognition_table,
    write_cmc,
)
from pipeline.store.protocols import Protocol
from pipeline.store.whole import write_whole, written_whole
from pipeline.types import Float32, UInt8

_SPECIAL = ("differences", "matrix", "chance", "filmed", "enrolled", "simulated")
_SHOWN = ("network", "untrained", "pretrained", "trained", "face", "sface")
"""Rows whose curves are drawn."""
BETWEEN = " VIS → "
"""What stands between row and band in the name of a curve."""

At = Callable[[str, str], Path]
"""Returns the path of a report by its kind and extension: ``StageRun.report``."""


def write_between_bands(
    title: str,
    metrics: Mapping[str, Any],
    similarities: Float32,
    names: Sequence[str],
    published: str,
    at: At,
) -> str:
    """Write curves, figure and table of identification between bands, and return the table.

    Args:
        title: of figure and table.
        metrics: of ``measured_rows``.
        similarities: as of ``bands_figure``.
        names: as of ``bands_figure``.
        published: lines to stand beside ours.
        at: where.
    """
    write_band_cmc(metrics, at("curves", ".cmc.csv"))
    bands_figure(title, metrics, similarities, names, at("figures", ".png"))
    table = bands_table(title, metrics, published)
    write_whole(at("figures", ".md"), table)
    return table


def write_by_image(
    title: str,
    protocols: Sequence[Protocol],
    results: Results,
    metrics: Mapping[str, Mapping[str, Any]],
    published: Mapping[str, Sequence[Published]],
    at: At,
) -> str:
    """Write curves, figure and tables of re-identification, and return the tables.

    Args:
        title: of the figure; with a protocol's name, of its table.
        protocols: that were measured.
        results: by protocol and row, fold by fold.
        metrics: by protocol.
        published: what stands beside, by protocol.
        at: where.
    """
    write_cmc(results, at("curves", ".cmc.csv"))
    recognition_figure(title, results, at("figures", ".png"))
    names = [each.name for each in protocols]
    tables = "\n".join(
        recognition_table(f"{title} {name}", protocol, metrics[name], published[name])
        for name, protocol in zip(names, protocols, strict=True)
    )
    write_whole(at("figures", ".md"), tables)
    return tables


def row_names(metrics: Mapping[str, Any]) -> list[str]:
    """Return the rows of an evaluation's metrics, networks as they are first."""
    found = [name for name in metrics if name not in _SPECIAL]
    return sorted(found, key=lambda name: name not in ZERO_SHOT)


def bands_table(title: str, metrics: Mapping[str, Any], published: str) -> str:
    """Return a Markdown table: every row by probe band, differences, the matrix, and who failed.

    Args:
        title: first line.
        metrics: of ``measured_rows``.
        published: lines to stand beside ours.
    """
    rows = row_names(metrics)
    bands = list(metrics[rows[0]])
    head = f"| rank-1 in % | {' | '.join(f'VIS → {band}' for band in bands)} |"
    rule = "|---" * (len(bands) + 1) + "|"
    lines = [f"# {title}", "", "Each cell: rate, 95 % interval, n subjects."]
    lines += ["Everybody who was filmed counts: a person without a usable crop is a miss."]
    if min(metrics["filmed"].values()) < FEW_PEOPLE:
        lines += [f"With fewer than {FEW_PEOPLE} people intervals say little."]
    lines += [""]
    by_chance = f"{100 * metrics['chance']['rank1']['value']:.1f}"
    lines += [head, rule, f"| by chance | {' | '.join([by_chance] * len(bands))} |"]
    for row in rows:
        lines.append(_line(row, [metrics[row][band]["rank1"] for band in bands]))
    lines += ["", "Only those whose probe and gallery template could be enrolled:", "", head, rule]
    for row in rows:
        lines.append(_line(row, [metrics[row][band]["rank1_of_enrolled"] for band in bands]))
    lines += ["", "Differences, paired by subject:", "", head, rule]
    for name, cells in metrics["differences"].items():
        lines.append(_line(name, [cells[band] for band in bands]))
    for name, matrix in metrics["matrix"].items():
        lines += ["", *_matrix_lines(name, matrix)]
    lines += ["", *_enrolled_lines(metrics), "", published]
    return "\n".join(lines) + "\n"


def _line(name: str, cells: Sequence[Mapping[str, Any]]) -> str:
    title = ZERO_SHOT.get(name, name.replace("_", " "))
    return f"| {title} | {' | '.join(map(_cell, cells))} |"


def _cell(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "–"
    text = f"{100 * rate['value']:.1f}"
    if rate["ci95"]:
        text += f" [{', '.join(f'{100 * bound:.1f}' for bound in rate['ci95'])}]"
    return f"{text} n {rate['n']}"


def _matrix_lines(name: str, matrix: Mapping[str, Mapping[str, Any]]) -> list[str]:
    bands = list(matrix)
    lines = [
        f"| {name}: gallery ↓ probe → | {' | '.join(bands)} |",
        "|---" * (len(bands) + 1) + "|",
    ]
    for gallery in bands:
        cells = [_cell(matrix[gallery][b]) if b in matrix[gallery] else "–" for b in bands]
        lines.append(f"| {gallery} | {' | '.join(cells)} |")
    return lines


def _enrolled_lines(metrics: Mapping[str, Any]) -> list[str]:
    bands = list(metrics["filmed"])
    lines = [f"| enrolled | {' | '.join(bands)} |", "|---" * (len(bands) + 1) + "|"]
    lines.append(f"| filmed | {' | '.join(str(metrics['filmed'][band]) for band in bands)} |")
    for name, counts in metrics["enrolled"].items():
        cells = " | ".join(str(counts[band]) for band in bands)
        lines.append(f"| {name.replace('_', ' ')} | {cells} |")
    return lines


def write_band_cmc(metrics: Mapping[str, Any], path: Path) -> None:
    """Write identification rates by rank, row and band, for a DVC plot."""
    with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "rank", "rate"])
        for row in row_names(metrics):
            for band, cell in metrics[row].items():
                for rank, rate in enumerate(cell["cmc"], start=1):
                    writer.writerow([f"{row}{BETWEEN}{band}", rank, rate])


def bands_figure(
    title: str, metrics: Mapping[str, Any], similarities: Float32, names: Sequence[str], path: Path
) -> None:
    """Draw similarities of all templates, the matrix of bands, and identification by rank.

    Args:
        title: of the whole.
        metrics: of ``measured_rows``.
        similarities: float32 (t, t), cosines of the trained network's templates; NaN where one was
            not enrolled.
        names: (t,), the band of each, templates sorted by it.
        path: PNG.
    """
    bands = list(dict.fromkeys(names))
    probes = [band for band in bands if band in metrics["trained"]]
    figure = new_figure(5.0 + 3.2 * (1 + len(probes)), 3.6)
    panels = figure.subplots(1, 2 + len(probes))
    low, high = _spread(similarities)
    panels[0].imshow(similarities, vmin=low, vmax=high, cmap="viridis")
    places = [names.index(band) for band in bands]
    panels[0].set_xticks(places, bands, fontsize=7, ha="left")
    panels[0].set_yticks(places, bands, fontsize=7)
    panels[0].set_title(f"cosine of templates, {low:.3f} to {high:.3f}", fontsize=9)
    _draw_matrix(panels[1], metrics["matrix"]["trained"], bands)
    for axes, band in zip(panels[2:], probes, strict=True):
        shown = [each for each in _SHOWN if each in metrics]
        for place, row in enumerate(shown):
            rates = metrics[row][band]["cmc"]
            style = {"marker": "o", "markersize": 3, "color": ROW_COLOURS[row], "label": row}
            width = line_width(place, len(shown))
            axes.plot(range(1, 1 + len(rates)), rates, linewidth=width, **style)
        dress(axes, f"VIS → {band}", "rank", "identification rate")
        axes.set_ylim(0.0, 1.02)
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=7)
    figure.suptitle(title, fontsize=10)
    save(figure, path)


def _spread(similarities: Float32) -> tuple[float, float]:
    """Return the least and largest cosine of two templates: all may lie close to one."""
    others = similarities[~np.eye(len(similarities), dtype=bool)]
    others = others[np.isfinite(others)]
    return (float(others.min()), float(others.max())) if others.size else (-1.0, 1.0)


def _draw_matrix(axes: Any, matrix: Mapping[str, Mapping[str, Any]], bands: Sequence[str]) -> None:
    rates = np.array([[_rate(matrix, g, p) for p in bands] for g in bands], np.float64)
    axes.imshow(rates, vmin=0, vmax=1, cmap="viridis")
    for row, column in np.argwhere(np.isfinite(rates)):
        value = rates[row, column]
        colour = "white" if value < 0.6 else "black"
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(bands)), bands, fontsize=7)
    axes.set_yticks(range(len(bands)), bands, fontsize=7)
    axes.set_title("rank-1 in %, gallery ↓ probe →", fontsize=9)


def _rate(matrix: Mapping[str, Mapping[str, Any]], gallery: str, probe: str) -> float:
    value = matrix.get(gallery, {}).get(probe, {}).get("value")
    return float("nan") if value is None else float(value)


def attention_figure(
    images: UInt8, maps: Float32, names: Sequence[str], views: Sequence[str], path: Path
) -> None:
    """Draw where a network looks, a row a person.

    Args:
        images: uint8 (k, h, w, 3).
        maps: float32 (k, views, rows, columns), of any resolution.
        names: (k,).
        views: what the maps are called.
        path: PNG.
    """
    figure = new_figure(1.1 * (1 + maps.shape[1]), 0.4 + 2.6 * len(images))
    figure.suptitle("where the network looks: the lighter, the more", fontsize=8)
    panels = figure.subplots(len(images), 1 + maps.shape[1], squeeze=False)
    for axes, view in zip(panels[0], ("image", *views), strict=False):
        axes.set_title(view.replace("_", " "), fontsize=8)
    for line, image, weights, name in zip(panels, images, maps, names, strict=True):
        line[0].imshow(image)
        line[0].set_ylabel(name, fontsize=7)
        for axes, each in zip(line[1:], weights, strict=True):
            height, width = image.shape[:2]
            axes.imshow(image)
            whole = (-0.5, width - 0.5, height - 0.5, -0.5)
            axes.imshow(each, alpha=0.6, cmap="magma", extent=whole, interpolation="nearest")
        for axes in line:
            axes.set_xticks([])
            axes.set_yticks([])
    save(figure, path)
