"""DMFR's ablations as tables: rates at the lowest FAR that data allow, and the modality."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.params.ablations_dmfr import DmfrAblationParams
from pipeline.report.published import published_by, published_lines, published_similarities

Results = Mapping[str, Sequence[Mapping[str, Any]]]
"""Each seed's metrics, by row, in the order of the seeds."""


def lowest_far(results: Results, tested: str) -> str | None:
    """Return the lowest FAR at which every training has a rate, by its name in metrics."""
    first = next(iter(results.values()))[0][tested]["tar_at_far"]
    known = [
        far
        for far in first
        if all(
            seed[tested]["tar_at_far"][far]["value"] is not None
            for row in results.values()
            for seed in row
        )
    ]
    return min(known, key=float, default=None)


def dmfr_table(
    ablation: DmfrAblationParams,
    results: Results,
    zero_shot: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return Markdown: networks as they are, our rows, table 1, and the paper's numbers.

    Args:
        ablation: its rows.
        results: of these.
        zero_shot: metrics of networks as they are, by title and what they were tested on.
    """
    return "\n".join(
        [
            *_rates(ablation, results, zero_shot),
            *_table_1(results),
            *_published(),
            f"Ours: mean ± standard deviation over the seeds {list(ablation.seeds)}, rates in "
            "percent. Simulated people and synthetic faces: see docs/decisions/dmfr.md.",
            "",
        ]
    )


def _rates(
    ablation: DmfrAblationParams,
    results: Results,
    zero_shot: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    heads, fars = ["row"], {}
    for name in ablation.tested:
        fars[name] = lowest_far(results, name)
        heads += [f"{name}: rank-1", f"TAR @ {fars[name] or 'no FAR'}", "EER"]
    heads += ["probe AUC", "change", "synthetic – synthetic"]
    lines = ["## Rows", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for title, metrics in zero_shot.items():
        cells = [title, *_tested([metrics], fars), "–", "–", "–"]
        lines.append(f"| {' | '.join(cells)} |")
    for name, seeds in results.items():
        cells = [ablation.rows[name].title, *_tested(seeds, fars)]
        for path in (("after",), ("change",), ("inter_class", "synthetic_synthetic")):
            cells.append(_mean(seeds, "modality", *path, "value", percent=False))
        lines.append(f"| {' | '.join(cells)} |")
    first = next(iter(results.values()))
    auc = _mean(first, "modality", "before", "value", percent=False)
    between = ("inter_class_before", "synthetic_synthetic", "value")
    similar = _mean(first, "modality", *between, percent=False)
    return [*lines, "", f"The start: probe AUC {auc}, synthetic – synthetic {similar}.", ""]


def _tested(seeds: Sequence[Mapping[str, Any]], fars: Mapping[str, str | None]) -> list[str]:
    """Return the cells of what trainings were tested on: rank-1, TAR and EER of each."""
    cells = []
    for tested, far in fars.items():
        cells.append(_mean(seeds, tested, "rank1", "value"))
        cells.append(_mean(seeds, tested, "tar_at_far", far, "value") if far else "–")
        cells.append(_mean(seeds, tested, "eer", "value"))
    return cells


def _table_1(results: Results) -> list[str]:
    """Return the paper's table 1 of the row that has a filter."""
    for seeds in results.values():
        if rows := seeds[0]["modality"]["table_1"]:
            lines = ["## Table 1: one network, its filter on the last row", ""]
            lines += ["| faces | intra-class | inter-class |", "|---|---|---|"]
            for row in rows:
                cells = [
                    _mean(seeds, "modality", "table_1", row, kind, "value", percent=False)
                    for kind in ("intra_class", "inter_class")
                ]
                lines.append(f"| {row.replace('_', ' ')} | {' | '.join(cells)} |")
            return [*lines, ""]
    return []


def _published() -> list[str]:
    lines = ["## Published, in percent; not measured here", ""]
    return [*lines, *published_lines(published_by("dmfr")), "", *published_similarities(), ""]


def _values(seeds: Sequence[Mapping[str, Any]], *path: str) -> list[float]:
    found = []
    for value in seeds:
        each: Any = value
        for key in path:
            each = each[key]
        found.append(each)
    return found


def _mean(seeds: Sequence[Mapping[str, Any]], *path: str, percent: bool = True) -> str:
    values = _values(seeds, *path)
    if any(value is None for value in values):
        return "–"
    mean = float(np.mean(values))
    text = f"{100 * mean:.1f}" if percent else f"{mean:.3f}"
    if len(values) < 2:
        return text
    spread = float(np.std(values, ddof=1))
    return text + (f" ± {100 * spread:.1f}" if percent else f" ± {spread:.3f}")
