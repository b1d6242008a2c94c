"""DMFR's ablations as tables: rates at the lowest FAR that data allow, modality, verdicts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.evaluation.rates import fold_interval
from pipeline.params.ablations_dmfr import DIRECT, REAL_ONLY, DmfrAblationParams
from pipeline.report.published import published_by

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


def dmfr_table(ablation: DmfrAblationParams, results: Results) -> str:
    """Return Markdown: our rows, verdicts on each against two others, and the paper's numbers."""
    return "\n".join(
        [
            *_rates(ablation, results),
            *_verdicts(ablation, results),
            *_table_1(results),
            *_published(),
            f"Ours: mean over the seeds {list(ablation.seeds)}, percent where a rate. An interval "
            "is of the paired difference over seeds, by Student's t: shown or refuted where it "
            "leaves 0 out, else undecided. Simulated people and synthetic faces: see "
            "docs/decisions/dmfr.md.",
            "",
        ]
    )


def _rates(ablation: DmfrAblationParams, results: Results) -> list[str]:
    heads, fars = ["row"], {}
    for name in ablation.tested:
        fars[name] = lowest_far(results, name)
        heads += [f"{name}: rank-1", f"TAR @ {fars[name] or 'no FAR'}", "EER"]
    heads += ["probe AUC", "synthetic – synthetic"]
    lines = ["## Rows", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, seeds in results.items():
        cells = [ablation.rows[name].title]
        for tested, far in fars.items():
            cells.append(_mean(seeds, tested, "rank1", "value"))
            cells.append(_mean(seeds, tested, "tar_at_far", far, "value") if far else "–")
            cells.append(_mean(seeds, tested, "eer", "value"))
        cells.append(_mean(seeds, "modality", "after", "value", percent=False))
        between = ("inter_class", "synthetic_synthetic", "value")
        cells.append(_mean(seeds, "modality", *between, percent=False))
        lines.append(f"| {' | '.join(cells)} |")
    before = _mean(next(iter(results.values())), "modality", "before", "value", percent=False)
    return [*lines, "", f"Probe AUC of the start: {before}.", ""]


def _verdicts(ablation: DmfrAblationParams, results: Results) -> list[str]:
    lines = ["## Against direct addition, and against real faces only", ""]
    lines += ["| row | tested on | TAR @ | against | difference | verdict |", "|---" * 6 + "|"]
    for name, seeds in results.items():
        for tested in ablation.tested:
            far = lowest_far(results, tested)
            for other in (DIRECT, REAL_ONLY):
                if far is None or other == name:
                    continue
                path = (tested, "tar_at_far", far, "value")
                text, verdict = _difference(_values(seeds, *path), _values(results[other], *path))
                cells = [ablation.rows[name].title, tested, far, ablation.rows[other].title]
                lines.append(f"| {' | '.join([*cells, text, verdict])} |")
    return [*lines, ""]


def _difference(ours: Sequence[float], theirs: Sequence[float]) -> tuple[str, str]:
    """Return a paired difference over seeds in points, and what it shows."""
    gains = 100 * (np.array(ours) - np.array(theirs))
    bounds = fold_interval(gains)
    text = f"{gains.mean():+.1f}"
    if bounds is None:
        return text, "undecided"
    text += f" [{bounds[0]:+.1f}, {bounds[1]:+.1f}]"
    return text, "shown" if bounds[0] > 0 else "refuted" if bounds[1] < 0 else "undecided"


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
    heads = ("method", "data set", "1e-2", "1e-3", "1e-4", "1e-5")
    lines = ["## Published, TAR @ FAR in percent; not measured here", ""]
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in published_by("dmfr"):
        rates = (row.tar_at_1e2, row.tar_at_1e3, row.tar_at_1e4, row.tar_at_1e5)
        cells = ["–" if rate is None else f"{rate:.2f}" for rate in rates]
        lines.append(f"| {row.method} | {row.data_set} | {' | '.join(cells)} |")
    return [*lines, ""]


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
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    if percent:
        return f"{100 * mean:.1f} ± {100 * spread:.1f}"
    return f"{mean:.3f} ± {spread:.3f}"
