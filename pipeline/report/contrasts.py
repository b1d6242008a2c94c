"""Contrasts of ablations as a table and as JSON: difference, verdict, and what could be seen."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.evaluation.contrasts import ALPHA, EFFECT, POWER, Contrast, Decided, decided
from pipeline.params.contrasts import ContrastParams
from pipeline.report.canvas import dress, new_figure, save
from pipeline.store.whole import write_whole

_COLOURS = {"shown": "#1b9e77", "refuted": "#d95f02", "undecided": "#7f7f7f"}


@dataclass(frozen=True)
class MeasuredContrast:
    """A contrast that was measured.

    Attributes:
        params: the claim.
        primary: what the verdict is of.
        secondary: further measures by name; None where one has no number.
    """

    params: ContrastParams
    primary: Contrast
    secondary: Mapping[str, Contrast | None]


def write_contrasts(measure: str, found: Mapping[str, MeasuredContrast], path: Path) -> str:
    """Write contrasts as JSON, and as a figure beside it; return their table.

    Args:
        measure: name of the primary one.
        found: contrasts by name.
        path: of the JSON.
    """
    write_whole(path, json.dumps(contrasts_json(measure, found), indent=2) + "\n")
    contrasts_figure(measure, found, path.with_suffix(".png"))
    return contrasts_table(measure, found)


def contrasts_json(measure: str, found: Mapping[str, MeasuredContrast]) -> dict[str, Any]:
    """Return all there is, by contrast."""
    verdicts = decided([each.primary for each in found.values()])
    return {
        name: each.params.model_dump()
        | {"measure": measure}
        | asdict(verdict)
        | {"primary": asdict(each.primary)}
        | {name: other and asdict(other) for name, other in each.secondary.items()}
        for (name, each), verdict in zip(found.items(), verdicts, strict=True)
    }


def contrasts_table(measure: str, found: Mapping[str, MeasuredContrast]) -> str:
    """Return Markdown, rates and differences in percent and points.

    Args:
        measure: name of the primary one.
        found: contrasts by name, two or more.
    """
    if not found:
        return ""
    verdicts = decided([each.primary for each in found.values()])
    further = list(dict.fromkeys(name for each in found.values() for name in each.secondary))
    heads = [
        *("claim", "probes", measure, "difference [95 %]", "p (Holm)", "verdict"),
        *(f"power at {100 * EFFECT:g} points", f"decided in {100 * POWER:g} %"),
        *(f"{name}: difference" for name in further),
    ]
    lines = ["## Contrasts", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for each, verdict in zip(found.values(), verdicts, strict=True):
        cells = [each.params.claim, each.params.probes, *_primary(each.primary, verdict)]
        cells += [_apart(each.secondary.get(name)) for name in further]
        lines.append(f"| {' | '.join(cells)} |")
    first = next(iter(found.values())).primary
    lines += [
        "",
        f"{first.people} people, {first.seeds} seeds, the same probes in both rows. Intervals "
        "and p use the variance between people and between seeds, with Student's t. "
        f"Verdicts at {100 * ALPHA:g} % after Holm's "
        f"correction for {len(found)} contrasts; power and the smallest difference decided at "
        f"{100 * ALPHA:g} % divided by {len(found)}. See docs/study.md.",
        "",
    ]
    return "\n".join(lines)


def contrasts_figure(measure: str, found: Mapping[str, MeasuredContrast], path: Path) -> None:
    """Draw each difference with its interval, in points; its colour is the verdict."""
    verdicts = decided([each.primary for each in found.values()])
    figure = new_figure(7.2, 1.2 + 0.32 * max(1, len(found)))
    axes = figure.subplots()
    for place, (each, verdict) in enumerate(zip(found.values(), verdicts, strict=True)):
        low, high = (100 * bound for bound in each.primary.interval)
        colour = _COLOURS[verdict.verdict]
        axes.plot([low, high], [-place, -place], color=colour, linewidth=1.6)
        axes.plot([100 * each.primary.difference], [-place], "o", color=colour, markersize=5)
    claims = [f"{each.params.claim}, {each.params.probes}" for each in found.values()]
    axes.set_yticks([-place for place in range(len(claims))], claims, fontsize=7)
    axes.axvline(0.0, color="#999999", linewidth=0.8)
    dress(axes, f"difference in {measure}: shown, refuted, undecided", "points", "")
    for name, colour in _COLOURS.items():
        axes.plot([], [], "o", color=colour, label=name)
    axes.legend(frameon=False, fontsize=7)
    save(figure, path)


def _primary(contrast: Contrast, verdict: Decided) -> Sequence[str]:
    one, other = (f"{100 * rate:.1f}" for rate in contrast.rates)
    return (
        f"{one} against {other}",
        _apart(contrast),
        f"{verdict.adjusted_p:.3g}",
        f"**{verdict.verdict}**",
        f"{100 * verdict.power:.0f} %",
        f"{100 * verdict.least:.1f} points",
    )


def _apart(contrast: Contrast | None) -> str:
    if contrast is None:
        return "–"
    low, high = (100 * bound for bound in contrast.interval)
    return f"{100 * contrast.difference:+.1f} [{low:+.1f}, {high:+.1f}]"
