"""Results of ablations: means over seeds, and one table beside the papers' numbers."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ParamsError
from pipeline.params.ablations import NirVisAblationParams, NirVisRowParams
from pipeline.report.published import PUBLISHED, Published, published_by, published_lines
from pipeline.store.whole import written_whole

MEASURES = {
    "rank1": "rank-1",
    "tar_at_1e-1": "TAR @ FAR 1e-1",
    "tar_at_1e-2": "TAR @ FAR 1e-2",
    "tar_at_1e-3": "TAR @ FAR 1e-3",
    "eer": "EER",
}
PAPERS = {
    "pram": "PRAM + CAT paper, tables 1 and 2",
    "hsst": "HSST paper, tables I and II",
}
THEIRS = {"published_tar_at_1e-2": "VR @ FAR 1 %", "published_tar_at_1e-3": "VR @ FAR 0.1 %"}
"""Verification rates that the papers give, beside rank-1."""
PUBLISHED_ON = "CASIA NIR-VIS 2.0"
"""Data set of the published numbers shown; every row was measured on it."""

OFTEN = 0.1
"""Share of steps at the gradient's limit above which a training is named below the table."""

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""What ``summarised`` made, by row and probes; and ``gradients`` by training, where known."""


def summarised(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Join the metrics of several trainings of one row.

    Args:
        metrics: ``Recognition.metrics`` of each, one or more.

    Returns:
        For each of ``MEASURES`` the mean ``value``, the ``std`` over trainings (None of one), the
        95 % interval over subjects (mean of the trainings' bounds), and each training's value; None
        where one of them has none.
    """
    return {name: _summary([_measure(each, name) for each in metrics]) for name in MEASURES}


def ablation_rows(
    ablation: NirVisAblationParams, results: Results, zero_shot: Results
) -> Iterator[dict[str, Any]]:
    """Yield a flat row for each row of the ablation and probes: ours, and the paper's beside it.

    Args:
        ablation: its rows.
        results: of these.
        zero_shot: of networks that are tested as they are; they come first in each paper's table.
    """
    papers = dict.fromkeys(row.paper for row in ablation.rows.values())
    for paper in papers:
        tested = {p for row in ablation.rows.values() if row.paper == paper for p in row.probes}
        for title, found in zero_shot.items():
            for probes in sorted(tested & found.keys(), reverse=True):
                named = {"paper": paper, "row": title, "trained": "–", "probes": probes}
                yield named | _measures(found[probes]) | _published(None)
    for name, row in ablation.rows.items():
        trained = "masked" if row.method.second_rows == "masks" else "plain"
        for probes, theirs_title in row.probes.items():
            named = {"paper": row.paper, "row": row.title, "trained": trained, "probes": probes}
            theirs = published_row(row, theirs_title)
            yield named | _measures(results[name][probes]) | _published(theirs)


def _measures(results: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for measure in MEASURES:
        found = results[measure]
        low, high = found["ci95"] or (None, None)
        flat |= {measure: found["value"], f"{measure}_std": found["std"]}
        flat |= {f"{measure}_low": low, f"{measure}_high": high}
    return flat


def _published(theirs: Published | None) -> dict[str, Any]:
    return {
        "published_network": theirs and theirs.network,
        "published_rank1": theirs and theirs.rank1,
        "published_tar_at_1e-2": theirs and theirs.tar_at_1e2,
        "published_tar_at_1e-3": theirs and theirs.tar_at_1e3,
    }


def published_row(row: NirVisRowParams, title: str | None) -> Published | None:
    """Return the published row that stands beside ours.

    Raises:
        ParamsError: there is none of this name.
    """
    if title is None:
        return None
    named = [p for p in PUBLISHED if p.paper == row.paper and PUBLISHED_ON in p.data_set]
    for found in named:
        if found.method == title:
            return found
    raise ParamsError(
        f"{row.title}: no published row {title!r}: expected one of {[p.method for p in named]}"
    )


def ablation_table(
    ablation: NirVisAblationParams,
    results: Results,
    zero_shot: Results,
    separation: Mapping[str, Any] | None = None,
) -> str:
    """Return Markdown: a table a paper, rates in percent, ± over trainings, [95 % over subjects].

    Args:
        ablation: its rows.
        results: of these.
        zero_shot: of networks as they are.
        separation: SFace's EER on the people in VIS from the front.
    """
    rows = list(ablation_rows(ablation, results, zero_shot))
    lines = []
    for paper, title in PAPERS.items():
        mine = [row for row in rows if row["paper"] == paper]
        if not mine:
            continue
        heads = [
            *("row", "trained on", "probes", *MEASURES.values()),
            *("published with", "rank-1", *THEIRS.values()),
        ]
        lines += [f"## {title}", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for row in mine:
            ours = [_cell(row, measure) for measure in MEASURES]
            theirs = [row["published_rank1"], *(row[name] for name in THEIRS)]
            cells = [row["row"], row["trained"], row["probes"], *ours]
            cells += [row["published_network"] or "–", *map(_percent, theirs)]
            lines.append(f"| {' | '.join(cells)} |")
        lines += ["", *_published_alone(ablation, paper)]
    lines += [
        f"Ours: mean ± standard deviation over {_trainings(ablation, results)} and [95 % interval "
        f"over subjects], percent, on protocol {ablation.tested}. Published: on {PUBLISHED_ON}, "
        "with other data and longer training; not measured here.",
        "",
    ]
    # Where nobody has two images from the front, there is no rate.
    if separation is not None and separation["value"] is not None:
        bounds = ", ".join(f"{100 * bound:.1f}" for bound in separation["ci95"] or ())
        interval = f" [{bounds}]" if bounds else ""
        lines += [
            f"How far these people differ: SFace's EER in VIS from the front is "
            f"{100 * separation['value']:.1f} %{interval}, of "
            f"{separation['n']} probes.",
            "",
        ]
    return "\n".join([*lines, *_often_limited(ablation, results)])


def _often_limited(ablation: NirVisAblationParams, results: Results) -> list[str]:
    """Name the trainings that their gradient's limit steered more than their losses did."""
    found = [
        f"{ablation.rows[name].title}, seed {seed}, fold {int(fold)} "
        f"({100 * gradients['limited']:.0f} %)"
        for name, row in results.items()
        for training, gradients in row.get("gradients", {}).items()
        for seed, _, fold in [training.partition("-")]
        if gradients.get("limited", 0.0) > OFTEN
    ]
    if not found:
        return []
    return [
        f"The gradient reached its limit in more than {100 * OFTEN:.0f} % of the steps of these "
        f"trainings: {'; '.join(found)}. A lower learning rate or a longer "
        "warm-up may keep it below.",
        "",
    ]


def _trainings(ablation: NirVisAblationParams, results: Results) -> str:
    """Return what a row's trainings are: seeds, and folds where there are several."""
    seeds = list(ablation.seeds)
    one = next(iter(next(iter(results.values())).values()))
    folds = len(one["rank1"]["each"]) // len(seeds)
    words = f"the seed {seeds[0]}" if len(seeds) == 1 else f"the seeds {seeds}"
    return words if folds == 1 else f"{folds} folds, each with {words}"


def _published_alone(ablation: NirVisAblationParams, paper: str) -> list[str]:
    """Return the paper's other rows, which stand beside none of ours."""
    beside = [
        published_row(row, title)
        for row in ablation.rows.values()
        if row.paper == paper
        for title in row.probes.values()
    ]
    alone = [row for row in published_by(paper) if row not in beside]
    return ["Published alone:", "", *published_lines(alone), ""] if alone else []


def write_ablation(
    ablation: NirVisAblationParams, results: Results, zero_shot: Results, path: Path
) -> None:
    """Write ``ablation_rows`` as CSV."""
    rows = list(ablation_rows(ablation, results, zero_shot))
    with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _percent(number: float | None) -> str:
    return "–" if number is None else f"{number:.2f}"


def _measure(metrics: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table, _, far = name.partition("_at_")
    found: Mapping[str, Any] = metrics[f"{table}_at_far"][far] if far else metrics[table]
    return found


def _summary(rates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [rate["value"] for rate in rates]
    if any(value is None for value in values):
        return {"value": None, "std": None, "ci95": None, "each": values}
    bounds = [rate["ci95"] for rate in rates]
    whole = all(bound is not None for bound in bounds)
    return {
        "value": round(float(np.mean(values)), 4),
        "std": round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else None,
        "ci95": [round(float(b), 4) for b in np.mean(bounds, axis=0)] if whole else None,
        "each": values,
    }


def _cell(row: Mapping[str, Any], measure: str) -> str:
    if row[measure] is None:
        return "–"
    text = f"{100 * row[measure]:.1f}"
    if (spread := row[f"{measure}_std"]) is not None:
        text += f" ± {100 * spread:.1f}"
    low, high = row[f"{measure}_low"], row[f"{measure}_high"]
    return text if low is None else f"{text} [{100 * low:.1f}, {100 * high:.1f}]"
