"""Figures and tables of what was measured by truth: one line a band, over the yaw."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.ops.codec import encode_png
from pipeline.report.canvas import new_figure, save
from pipeline.report.draw import NOTHING, captioned
from pipeline.report.grouped import BEYOND, BUCKETS, UNKNOWN
from pipeline.store.whole import write_whole
from pipeline.types import FACE_PARTS, Band

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND_COLOURS = {
    Band.VIS: "#1f77b4",
    Band.NIR: "#8c2d04",
    Band.SWIR: "#7b3fa0",
    Band.MWIR: "#e08214",
    Band.LWIR: "#d6304a",
}
"""One colour a band in every figure."""
BAND_MARKS = dict(zip(Band, "osD^v", strict=True))

_BUCKETS = [bucket for bucket in BUCKETS if bucket != BEYOND]


@dataclass(frozen=True)
class Panel:
    """One measure of a figure.

    Attributes:
        keys: where its groups lie in the stage's metrics.
        title: what it is.
        scale: factor from the metrics' number to what is drawn.
        unit: of what is drawn.
    """

    keys: tuple[str, ...]
    title: str
    scale: float = 1.0
    unit: str = ""


_NME = Panel(("nme_percent",), "Landmark error, median", 1.0, "% of inter-ocular distance")
PANELS = {
    "detect": (
        Panel(("failure_to_enrol_of_known",), "Failure to enrol", 100.0, "% of images"),
        _NME,
    ),
    "align": (Panel(("wrong_face",), "Wrong face chosen", 100.0, "% of faces"), _NME),
    "parse": tuple(
        Panel(("iou", part), part.capitalize(), 1.0, "mean IoU of regions")
        for part in ("eyes", "nose", "mouth")
    ),
    "parts": tuple(
        Panel(("box_iou", part), part.replace("_", " ").capitalize(), 1.0, "mean IoU of boxes")
        for part in FACE_PARTS
    ),
}
"""What is drawn for each stage."""


def ground_truth_figure(stage: str, metrics: Mapping[str, Any], path: Path) -> None:
    """Write a stage's figure, and beside it the same as a Markdown table.

    Where nothing is known of the data set, the figure says so.

    Args:
        stage: a name of ``PANELS``.
        metrics: the stage's metrics.
        path: the PNG; the table gets the extension ``.md``.
    """
    panels = [(panel, _groups(panel, metrics)) for panel in PANELS[stage]]
    if any(groups for _, groups in panels):
        figure = new_figure(1 + 3.3 * len(panels), 3.4)
        for axes, (panel, groups) in zip(figure.subplots(1, len(panels)), panels, strict=True):
            _draw(axes, panel, groups)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", frameon=False)
        figure.suptitle(f"{stage}, by ground truth (95 % intervals over subjects)", fontsize=10)
        save(figure, path)
    else:
        # Without matplotlib, whose import takes longer than ten new images do.
        words = f"{stage}: this data set has no ground truth"
        tile = captioned(NOTHING, [words], (320, 24))
        write_whole(path, encode_png(tile))
    write_whole(path.with_suffix(".md"), _table(stage, panels))


def _groups(panel: Panel, metrics: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: Any = metrics
    for key in panel.keys:
        found = found[key]
    return dict(found["by_band_and_yaw"])


def _draw(axes: "Axes", panel: Panel, groups: Mapping[str, Mapping[str, Any]]) -> None:
    bands, buckets = [band for band in Band if band in groups], _buckets(groups)
    for offset, band in zip(np.linspace(-0.16, 0.16, max(2, len(bands))), bands, strict=False):
        found = [(x, groups[band][b]) for x, b in enumerate(buckets) if b in groups[band]]
        if not found:  # seen from behind alone
            continue
        places = np.array([x for x, _ in found]) + offset
        values = np.array([_value(summary) for _, summary in found]) * panel.scale
        bounds = np.array([s["ci95"] or [_value(s)] * 2 for _, s in found]) * panel.scale
        axes.errorbar(
            places,
            values,
            # a percentile interval need not hold the estimate
            yerr=np.clip([values - bounds.T[0], bounds.T[1] - values], 0.0, None),
            color=BAND_COLOURS[band],
            marker=BAND_MARKS[band],
            markersize=4,
            linewidth=1.2,
            elinewidth=0.8,
            capsize=2,
            label=str(band),
        )
    axes.set_title(panel.title, fontsize=9)
    axes.set_ylabel(panel.unit, fontsize=8)
    axes.set_xlabel("|yaw|, degrees", fontsize=8)
    axes.set_xticks(range(len(buckets)), [_title(bucket) for bucket in buckets])
    axes.set_xlim(-0.4, len(buckets) - 0.6)
    # At least a hundredth high: where all is zero, no scale is made up.
    axes.set_ylim(0.0, max(axes.get_ylim()[1], panel.scale / 100))
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _table(stage: str, panels: list[tuple[Panel, dict[str, dict[str, Any]]]]) -> str:
    """Write one table a measure: bands by yaw, each with its interval and count."""
    lines = [f"# {stage}, by ground truth", ""]
    if not any(groups for _, groups in panels):
        return "\n".join([*lines, "This data set has no ground truth.", ""])
    lines += ["Estimate [95 % interval over subjects] (count), by band and |yaw|.", ""]
    for panel, groups in panels:
        buckets = _buckets(groups)
        names = " | ".join(_title(bucket) for bucket in buckets)
        lines += [f"## {panel.title}, {panel.unit}", "", f"| band | {names} |"]
        lines += ["|---" * (1 + len(buckets)) + "|"]
        for band in (band for band in Band if band in groups):
            cells = [_cell(panel, groups[band].get(bucket)) for bucket in buckets]
            lines.append(f"| {band} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _cell(panel: Panel, summary: Mapping[str, Any] | None) -> str:
    if not summary:
        return "–"
    digits = 2 if panel.scale == 1.0 else 1
    text = f"{_value(summary) * panel.scale:.{digits}f}"
    if summary["ci95"]:
        low, high = (bound * panel.scale for bound in summary["ci95"])
        text += f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{text} ({summary['n']})"


def _buckets(groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the buckets to show; faces of unknown pose get a place only where there are any."""
    return _BUCKETS if any(UNKNOWN in found for found in groups.values()) else _BUCKETS[:-1]


def _title(bucket: str) -> str:
    return bucket.replace("-", "–")


def _value(summary: Mapping[str, Any]) -> float:
    return float(summary["median"] if "median" in summary else summary["mean"])
