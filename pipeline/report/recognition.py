"""What recognition shows: ROC and CMC, and one table beside the papers'."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.recognition import Recognition
from pipeline.report.canvas import dress, new_figure, save
from pipeline.report.published import Published

Results = Mapping[str, Sequence[Recognition]]

_COLOURS = {"untrained": "#999999", "pretrained": "#e08214", "trained": "#1f77b4"}


def write_roc(results: Results, path: Path) -> None:
    """Write FAR and TAR of each row, for a DVC plot; of several folds, the first."""
    rows = (
        {"row": row, "far": far, "tar": tar}
        for row, found in results.items()
        for far, tar in found[0].roc.T.tolist()
        if far > 0
    )
    _write(["row", "far", "tar"], rows, path)


def write_cmc(results: Results, path: Path) -> None:
    """Write the identification rate by rank of each row, for a DVC plot: the mean of the folds."""
    rows = (
        {"row": row, "rank": rank, "rate": rate}
        for row, found in results.items()
        for rank, rate in enumerate(_mean_cmc(found).tolist(), start=1)
    )
    _write(["row", "rank", "rate"], rows, path)


def recognition_figure(title: str, results: Results, path: Path) -> None:
    """Draw ROC (of several folds, one line each) and CMC of the rows."""
    figure = new_figure(8.4, 3.6)
    left, right = figure.subplots(1, 2)
    for row, found in results.items():
        colour = _COLOURS.get(row)
        for each in found:
            far, tar = each.roc
            left.step(
                far[far > 0],
                tar[far > 0],
                where="post",
                color=colour,
                linewidth=1.3,
                label=row if each is found[0] else None,
            )
        ranks = _mean_cmc(found)
        right.plot(
            np.arange(1, len(ranks) + 1),
            ranks,
            color=colour,
            marker="o",
            markersize=3,
            linewidth=1.3,
            label=row,
        )
    left.set_xscale("log")
    dress(left, "ROC", "false accept rate", "true accept rate")
    dress(right, "CMC", "rank", "identification rate")
    right.xaxis.get_major_locator().set_params(integer=True)
    for axes in (left, right):
        axes.set_ylim(0.0, 1.02)
    right.legend(frameon=False, fontsize=8, loc="lower right")
    figure.suptitle(title, fontsize=10)
    save(figure, path)


def recognition_table(
    title: str, metrics: Mapping[str, Any], published: Sequence[Published], note: str
) -> str:
    """Return a Markdown table of all rows, the folds' where there are several, and the papers'."""
    lines = [f"# {title}", "", note, ""]
    lines += ["| row | rank-1 | TAR @ FAR 1e-2 | TAR @ FAR 1e-3 | EER |", "|---|---|---|---|---|"]
    lines.append(f"| chance | {_percent(metrics['chance']['rank1']['value'])} | 1.0 | 0.1 | 50.0 |")
    rows = [(name, metrics[name]) for name in ("untrained", "pretrained")]
    rows.append(("**trained**", metrics))
    for name, found in rows:
        lines.append(f"| {name} | " + " | ".join(_cell(each) for each in _measures(found)) + " |")
    for number in range(len(metrics["rank1"].get("folds", ()))):
        cells = [
            _percent(each["folds"][number]) if each.get("folds") else "–"
            for each in _measures(metrics)
        ]
        lines.append(f"| fold {number + 1} | " + " | ".join(cells) + " |")
    if published:
        lines += ["", "Published by the papers, on the data sets they name; not measured here:", ""]
        lines += ["| method | data set | rank-1 | TAR @ FAR 1e-2 | TAR @ FAR 1e-3 |"]
        lines += ["|---|---|---|---|---|"]
        for row in published:
            numbers = (row.rank1, row.tar_at_1e2, row.tar_at_1e3)
            cells = ["–" if number is None else f"{number:.2f}" for number in numbers]
            lines.append(f"| {row.method} | {row.data_set} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _measures(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    fars = found["tar_at_far"]
    return [found["rank1"], fars["1e-2"], fars["1e-3"], found["eer"]]


def _cell(rate: Mapping[str, Any]) -> str:
    """Write a rate in percent with its interval, or its deviation over folds."""
    if rate["value"] is None:
        return "–"
    text = _percent(rate["value"])
    if rate.get("std") is not None:
        return f"{text} ± {_percent(rate['std'])}"
    if rate.get("ci95"):
        return f"{text} [{', '.join(map(_percent, rate['ci95']))}]"
    return text


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _mean_cmc(found: Sequence[Recognition]) -> NDArray[np.float64]:
    shortest = min(len(each.cmc) for each in found)
    mean: NDArray[np.float64] = np.mean([each.cmc[:shortest] for each in found], axis=0)
    return mean


def _write(names: list[str], rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
