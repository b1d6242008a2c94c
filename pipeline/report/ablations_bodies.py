"""The bodies' ablations as a table: rank-1 by band, the matrix of bands."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.evaluation.outcomes import Outcomes
from pipeline.params.ablations_bodies import ALL_BANDS, BodyAblationParams, variants_of
from pipeline.report.recognition import ZERO_SHOT

Results = Mapping[str, Sequence[Mapping[str, Any]]]
"""Each seed's metrics by what was measured, by row."""

_FIRST = ("sface", "untrained", "pretrained", "face_pretrained")
"""Variants that no seed of a training changes: of the first row that has them they stand on top."""


def bodies_table(ablation: BodyAblationParams, results: Results, published: str) -> str:
    """Return Markdown: networks as they are, our rows, the matrix, and the papers' numbers.

    Args:
        ablation: its rows.
        results: of these.
        published: lines to stand beside ours.
    """
    first = next(iter(results))
    bands = list(results[first][0][first]["bands"])
    head = ["row", *(f"VIS → {band}" for band in bands), "mean"]
    lines = ["## Rows", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    shown: set[str] = set()
    for variant in _FIRST:
        for name, seeds in results.items():
            if variant in variants_of(ablation.rows[name]) and variant not in shown:
                shown.add(variant)
                title = ZERO_SHOT.get(variant, variant.replace("_", " "))
                lines.append(_line(title, seeds[:1], f"{name}_{variant}", bands))
    for name, seeds in results.items():
        title = ablation.rows[name].title
        lines.append(_line(title, seeds, name, bands))
        for variant in variants_of(ablation.rows[name]):
            if variant.startswith("without") and name == first:
                words = variant.replace("_", " ")
                lines.append(_line(f"{title}, {words}", seeds, f"{name}_{variant}", bands))
    lines += ["", *_matrix(ablation.rows[first].title, results[first], first), "", published, ""]
    people = results[first][0][first]["bands"][bands[0]]["rank1"]["n"]
    lines += [
        f"Rank-1 in percent of {people} people who were filmed, whether enrolled or not; mean ± "
        f"standard deviation over the seeds {list(ablation.seeds)}.",
        "",
    ]
    return "\n".join(lines)


def rates_table(
    ablation: BodyAblationParams, found: Mapping[str, Mapping[str, Mapping[int, Outcomes]]]
) -> str:
    """Return Markdown: rank-1 of everything that was measured, by band.

    Args:
        ablation: its rows.
        found: outcomes by what was measured, band and seed.
    """
    first = found[next(iter(ablation.rows))]
    bands = [band for band in first if band != ALL_BANDS]
    lines = [f"| measured | {' | '.join(f'VIS → {band}' for band in bands)} | mean |"]
    lines.append("|---" * (len(bands) + 2) + "|")
    for measured, by_band in found.items():
        rates = np.array(
            [
                [
                    np.mean([first for _, first in by_band[band][seed].values()])
                    for seed in ablation.seeds
                ]
                for band in bands
            ]
        )
        cells = map(_mean, (*rates, rates.mean(axis=0)))
        lines.append(f"| {measured} | {' | '.join(cells)} |")
    people = len({person for person, _ in first[ALL_BANDS][ablation.seeds[0]].values()})
    lines += [
        "",
        f"Rank-1 in percent of {people} fresh people who were filmed, whether enrolled or not; "
        f"mean ± standard deviation over the seeds {list(ablation.seeds)}.",
        "",
    ]
    return "\n".join(lines)


def _line(
    title: str, seeds: Sequence[Mapping[str, Any]], measured: str, bands: Iterable[str]
) -> str:
    values = np.array(
        [[each[measured]["bands"][band]["rank1"]["value"] for band in bands] for each in seeds]
    )
    columns = [*values.T, values.mean(axis=1)]
    return f"| {title} | {' | '.join(map(_mean, columns))} |"


def _mean(values: Sequence[float]) -> str:
    text = f"{100 * float(np.mean(values)):.1f}"
    return f"{text} ± {100 * float(np.std(values, ddof=1)):.1f}" if len(values) > 1 else text


def _matrix(title: str, seeds: Sequence[Mapping[str, Any]], measured: str) -> list[str]:
    matrices = [each[measured]["matrix"] for each in seeds]
    bands = list(matrices[0])
    lines = [f"| {title}: gallery ↓ probe → | {' | '.join(bands)} |"]
    lines.append("|---" * (len(bands) + 1) + "|")
    for gallery in bands:
        cells = [
            _mean([each[gallery][probe]["value"] for each in matrices]) if gallery != probe else "–"
            for probe in bands
        ]
        lines.append(f"| {gallery} | {' | '.join(cells)} |")
    return lines
