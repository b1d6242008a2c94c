"""What recognition shows: ROC and CMC where there are some, and one table beside the papers'."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.recognition import HEADLINES, Recognition
from pipeline.evaluation.wear import WORN
from pipeline.report.canvas import ROW_COLOURS, dress, line_width, new_figure, save
from pipeline.report.published import Published, published_lines
from pipeline.store.protocols import Protocol
from pipeline.store.whole import write_whole, written_whole

Results = Mapping[str, Sequence[Recognition]]

FEW_PEOPLE = 10
"""Below so many, resampled people are too much alike: of two, both right, the width is 0."""
_BY_CHANCE = {"tar_at_far.1e-2": "1.0", "tar_at_far.1e-3": "0.1", "eer": "50.0"}
ZERO_SHOT = {"sface": "SFace, zero-shot", "network": "own network, zero-shot"}
"""Rows of networks as they are, and what tables call them."""
_BESIDE = ZERO_SHOT | {"untrained": "untrained", "pretrained": "pretrained"}
"""Rows beside the trained network's, and what the table calls them."""


def write_recognition(
    title: str,
    protocol: Protocol,
    results: Results,
    metrics: Mapping[str, Any],
    published: Sequence[Published],
    at: Callable[[str, str], Path],
) -> str:
    """Write curves, figure and table of one protocol, and return the table.

    Args:
        title: of figure and table.
        protocol: which was measured.
        results: each row's folds.
        metrics: of the rows, as ``measure_rows`` returns them.
        published: what stands beside.
        at: returns the path of a report by its kind and extension: ``StageRun.report``.
    """
    write_roc(results, at("curves", ".roc.csv"))
    write_cmc(results, at("curves", ".cmc.csv"))
    recognition_figure(title, results, at("figures", ".png"))
    table = recognition_table(title, protocol, metrics, published)
    write_whole(at("figures", ".md"), table)
    return table


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
    figure = new_figure(9.4, 3.6)
    left, right = figure.subplots(1, 2)
    for place, (row, found) in enumerate(results.items()):
        _draw(left, right, row, found, line_width(place, len(results)))
    _log_axis(left, results)
    dress(left, "ROC", "false accept rate", "true accept rate")
    dress(right, "CMC", "rank", "identification rate")
    most = max((len(_mean_cmc(found)) for found in results.values()), default=0)
    right.set_xlim(0.5, max(most, 1) + 0.5)  # of one rank alone, the axis counted hundredths
    for axes in (left, right):
        axes.set_ylim(0.0, 1.02)
        if not axes.has_data():
            axes.set_title("this protocol has none", fontsize=8)
    # Beside both: curves run through every corner.
    named = right if right.has_data() else left
    handles, labels = named.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=10)
    save(figure, path)


def _log_axis(axes: Any, results: Results) -> None:
    """Let the false accept rate reach down to the whole decade of the least; decades are named."""
    fars = [each.roc[0] for found in results.values() for each in found if len(each.roc[0])]
    some = np.concatenate(fars) if fars else np.ones(1)
    least = float(some[some > 0].min(initial=0.1))
    axes.set_xscale("log")
    axes.set_xlim(10.0 ** np.floor(np.log10(least) + 1e-9), 1.1)
    axes.xaxis.set_minor_formatter("")


def _draw(left: Any, right: Any, row: str, found: Sequence[Recognition], linewidth: float) -> None:
    style = {"color": ROW_COLOURS.get(row), "linewidth": linewidth}
    for each in found:
        far, tar = each.roc
        if len(far):
            label = row if each is found[0] else None
            left.step(far[far > 0], tar[far > 0], where="post", label=label, **style)
    ranks = _mean_cmc(found)
    if len(ranks):
        places = np.arange(1, len(ranks) + 1)
        right.plot(places, ranks, marker="o", markersize=3, label=row, **style)


def recognition_table(
    title: str, protocol: Protocol, metrics: Mapping[str, Any], published: Sequence[Published]
) -> str:
    """Return a Markdown table of what the kind is published with: all rows, folds, the papers'.

    Args:
        title: first line.
        protocol: with the folds that were measured alone; they stand there by their numbers.
        metrics: of the trained network, with those of the other rows by their names.
        published: of the papers.
    """
    names = HEADLINES[protocol.kind]
    lines = [f"# {title}", "", protocol.description, ""]
    lines += [f"| row | {' | '.join(map(_heading, names))} |", "|---" * (len(names) + 1) + "|"]
    if "chance" in metrics:
        by_chance = dict(_BY_CHANCE)
        by_chance |= {name: _percent(each["value"]) for name, each in metrics["chance"].items()}
        lines.append(f"| chance | {' | '.join(by_chance.get(name, '–') for name in names)} |")
    rows = [(title, metrics[name]) for name, title in _BESIDE.items() if name in metrics]
    rows.append(("**trained**", metrics))
    rows += [(title, metrics[name]) for name, title in WORN.items() if name in metrics]
    for heading, found in rows:
        cells = [_cell(_rate_of(found, name)) for name in names]
        lines.append(f"| {heading} | {' | '.join(cells)} |")
    by_fold = [_rate_of(metrics, name).get("folds") for name in names]
    for place, number in enumerate(protocol.folds() if by_fold[0] else ()):
        cells = [_percent(each[place]) if each else "–" for each in by_fold]
        lines.append(f"| fold {number} | {' | '.join(cells)} |")
    lines += _why_not(metrics, names)
    lines += ["", f"In percent, {_spread_of(metrics, names)}; {_of_how_many(protocol, metrics)}"]
    lines += _difference_lines(metrics.get("differences", {}))
    if published:
        lines += ["", "Published by the papers, on the data sets they name; not measured here:", ""]
        lines += published_lines(published)
    return "\n".join([*lines, ""])


def _spread_of(metrics: Mapping[str, Any], names: Sequence[str]) -> str:
    """Say what stands beside a rate in its cell."""
    rates = [_rate_of(metrics, name) for name in names]
    if any(rate.get("standard_error") is not None for rate in rates):
        return "± standard error over folds, [95 % interval over subjects]"
    if any(rate.get("std") is not None for rate in rates):
        return "± standard deviation over folds"
    return "[95 % interval over subjects]"


def _of_how_many(protocol: Protocol, metrics: Mapping[str, Any]) -> str:
    """Say what n is, who probes, and how what could not be compared is counted."""
    compared = ", for the EER how many were compared" if "eer" in HEADLINES[protocol.kind] else ""
    people = protocol.counts()["probe_subjects"]
    told = [f"n: how many were tried{compared}; the probes show {people} people."]
    if people < FEW_PEOPLE:
        told.append(f"With fewer than {FEW_PEOPLE} people intervals say little.")
    failed = metrics["failure_to_enrol"]
    told.append(f"Failures to enrol: {_percent(failed['value'])} % of n {failed['n']} templates")
    told[-1] += ", counted as misses." if failed["value"] else "."
    if alone := metrics.get("unmated_probes"):
        told.append(f"{alone} of {metrics['probes']} probes have no mate, and count in no rank.")
    return " ".join(told)


def _difference_lines(differences: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return rows that were compared probe by probe, where some were."""
    if not differences:
        return []
    lines = ["", "Rank-1 in points, probe by probe, [95 % interval over people]:", ""]
    lines += ["| difference | rank-1 |", "|---|---|"]
    return lines + [f"| {name} | {_cell(rate)} |" for name, rate in differences.items()]


def _why_not(metrics: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return a line that says why rates have no value, where some have none."""
    why = {_heading(name): _rate_of(metrics, name).get("reason") for name in names}
    told = "; ".join(f"{heading}: {reason}" for heading, reason in why.items() if reason)
    return ["", f"–: no value. {told}."] if told else []


def _rate_of(metrics: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a rate by its key: ``rank1``, or ``tar_at_far.1e-2``."""
    table, _, key = name.partition(".")
    found: Mapping[str, Any] = metrics[table][key] if key else metrics[table]
    return found


def _heading(name: str) -> str:
    table, _, key = name.partition(".")
    if key:
        rate, _, at = table.upper().partition("_AT_")
        return f"{rate} @ {at} {key}"
    if table.startswith("rank"):
        return table.replace("rank", "rank-")
    return {"eer": "EER", "map": "mAP", "minp": "mINP"}.get(table, table)


def _cell(rate: Mapping[str, Any]) -> str:
    """Write a rate in percent with its interval, or how it differs by fold, and of how many."""
    if rate["value"] is None:
        return "–"
    text = _percent(rate["value"])
    spread = rate.get("standard_error", rate.get("std"))  # LFW's rates have the former
    if spread is not None:
        text += f" ± {_percent(spread)}"
    elif rate.get("ci95"):
        text += f" [{', '.join(map(_percent, rate['ci95']))}]"
    return f"{text} n {rate['n']}" if rate.get("n") else text


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _mean_cmc(found: Sequence[Recognition]) -> NDArray[np.float64]:
    shortest = min(len(each.cmc) for each in found)
    mean: NDArray[np.float64] = np.mean([each.cmc[:shortest] for each in found], axis=0)
    return mean


def _write(names: list[str], rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
