"""Writes the report: pages that open from a disk, over all that the stages left.

``reports/index.html`` and ``reports/site`` depend on nothing but the stages' outputs: the same
bytes for the same outputs. What depends on the run, times and changes, stands in ``reports/runs``.
"""

import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.report.grouped import BUCKETS, UNKNOWN
from pipeline.report.site.card import DataCard, data_card, hub_card, in_order_of_bands, own_rows
from pipeline.report.site.changes import record
from pipeline.report.site.pages import Pages, script_of
from pipeline.report.site.responsible import TITLES, answers, croissant_card
from pipeline.report.site.results import Matrix, blocks, charts, evaluation, is_evaluation, matrix
from pipeline.report.site.runs import REPORTS, StageOutput, flat, read_outputs
from pipeline.report.site.samples import (
    Lost,
    Shown,
    counts_of,
    rejected_rows,
    rows_of,
    shown_rows,
    units_of,
)
from pipeline.report.stage_graph import Sizes, layout, read_edges
from pipeline.report.summary import LEFT_OUT, closing_words
from pipeline.weights import WeightFile

SIZES = Sizes(box_width=150, box_height=42, column=164, row=78)

Card = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """What other pages tell of a stage that has its own.

    Attributes:
        output: the stage.
        cards: its rejected samples that are shown.
        listed: those that are listed.
        data: of ``ingest`` what its data set holds.
        own: see ``card.own_rows``.
        matrix: of ``attributes`` bands against bands, where there are several.
    """

    output: StageOutput
    cards: list[Card] = field(default_factory=list)
    listed: list[Lost] = field(default_factory=list)
    data: DataCard | None = None
    own: tuple[int, int] | None = None
    matrix: Matrix | None = None


def write_report(
    project: Path,
    *,
    images: int,
    rejected: int,
    weights: Mapping[str, WeightFile],
) -> None:
    """Write the whole report below the current folder.

    Args:
        project: folder of ``dvc.yaml`` and ``params.yaml``.
        images: samples that the page of a stage shows.
        rejected: rejected samples that it shows beside these.
        weights: entries of ``weights.yaml``.
    """
    outputs = read_outputs(project)
    partial = REPORTS / ".site.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    pages = Pages(partial)
    pages.assets()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        written = list(threads.map(lambda one: _stage_page(pages, one, images, rejected), outputs))
    _rejected_page(pages, written)
    cards = _data_page(pages, written, weights)
    pages.write(
        "results",
        "results.html",
        matrices=[each.matrix for each in written if each.matrix],
        evaluations=[
            evaluation(output, partial / "images" / output.page)
            for output in outputs
            if is_evaluation(output)
        ],
    )
    pages.write("changes", "changes.html")
    shutil.rmtree(REPORTS / "site", ignore_errors=True)
    partial.replace(REPORTS / "site")
    pages.index(
        REPORTS / "index.html",
        numbers=_headlines(outputs, cards),
        graph=_graph(project, outputs),
        entries=[_counts(output) for output in outputs],
    )
    record(
        REPORTS / "runs",
        {output.name: output.numbers() for output in outputs},
        {output.name: output.run_file for output in outputs},
    )


def _stage_page(pages: Pages, output: StageOutput, images: int, rejected: int) -> Written:
    """Write a stage's page; whatever is read of its rows is read here, several stages at a time."""
    counts: dict[str, dict[str, int]] = {}
    cards: list[Card] = []
    units: dict[str, str] = {}
    written = Written(output)
    if (folder := output.folder) is not None:
        table = rows_of(folder)
        counts = counts_of(table)
        units = units_of(folder)
        place = pages.site / "images" / output.page
        place.mkdir(parents=True)
        rows = shown_rows(folder, table, output.inputs, images)
        cards = [_shown_card(output, one, place, number) for number, one in enumerate(rows)]
        cards.sort(key=lambda card: str(card["sample_id"]))
        lost: list[Card] = []
        listed: list[Lost] = []
        if not output.lossless:
            shown, listed = rejected_rows(folder, output.inputs, rejected)
            lost = [_lost_card(output, one, place, number) for number, one in enumerate(shown)]
        stage, several = output.entry.stage, len(counts) > 1
        written = Written(
            output,
            lost,
            listed,
            data_card(output.entry.key, folder) if stage == "ingest" else None,
            own_rows(stage, folder),
            matrix(output, folder) if stage == "attributes" and several else None,
        )
    found = {bucket for of_band in counts.values() for bucket in of_band}
    pages.write(
        output.page,
        "stage.html",
        entry=_counts(output),
        counts=in_order_of_bands(counts),
        buckets=[] if found <= {UNKNOWN} else [name for name in BUCKETS if name in found],
        cards=[*cards, *written.cards],
        shown=len(cards),
        simulated=sum(card["simulated"] for card in cards),
        lost=len(written.cards),
        units=units,
        charts=[] if is_evaluation(output) else charts(output),
        measured="Results" if is_evaluation(output) else "Measured by ground truth",
        blocks=blocks(output),
        numbers=list(flat(output.metrics)),
        sheets=output.files("contact", ".png") + output.files("figures", ".png"),
    )
    return written


def _shown_card(output: StageOutput, one: Shown, place: Path, number: int) -> Card:
    (place / f"{number:04d}.jpg").write_bytes(one.strip)
    facts = {
        name: _rounded(value)
        for name, value in one.facts.items()
        if _is_known(value) and name != "sample_id"
    }
    return {
        "sample_id": one.facts["sample_id"],
        "subject_id": one.facts["subject_id"] or "",
        "band": one.facts["band"],
        "yaw": one.facts["yaw"],
        "simulated": bool(one.facts.get("simulated")),
        "reason": "accepted",
        "stage": output.name,
        "views": one.views,
        "src": f"images/{output.page}/{number:04d}.jpg",
        "facts": facts,
    }


def _lost_card(output: StageOutput, one: Lost, place: Path, number: int) -> Card:
    src = ""
    if one.strip is not None:
        (place / f"rejected-{number:04d}.jpg").write_bytes(one.strip)
        src = f"images/{output.page}/rejected-{number:04d}.jpg"
    return {
        "sample_id": one.sample_id,
        "subject_id": one.subject_id,
        "band": one.band,
        "yaw": "",
        "reason": one.reason,
        "stage": output.name,
        "views": ("image",),
        "src": src,
        "facts": {"stage": output.name, "reason": one.reason, "detail": one.detail},
    }


def _rejected_page(pages: Pages, written: Sequence[Written]) -> None:
    totals = [
        (each.output.name, f"{each.output.page}.html", reason, count, reason in LEFT_OUT)
        for each in written
        for reason, count in each.output.rejected.items()
    ]
    listed = [
        (each.output.name, one.sample_id, one.subject_id, one.band, one.reason, one.detail)
        for each in written
        for one in each.listed
    ]
    pages.write(
        "rejected",
        "rejected.html",
        totals=totals,
        total=sum(count for *_, count, _ in totals),
        listed=len(listed),
        cards=[card for each in written for card in each.cards],
    )
    (pages.site / "rejected.js").write_text(
        script_of("crossbandRejected", listed), encoding="utf-8"
    )


def _data_page(
    pages: Pages,
    written: Sequence[Written],
    weights: Mapping[str, WeightFile],
) -> list[DataCard]:
    own: dict[str, dict[str, tuple[int, int]]] = {}
    for each in written:
        if each.own:
            own.setdefault(each.output.entry.key, {})[each.output.entry.stage] = each.own
    found = [
        (replace(each.data, own=own.get(each.data.name, {})), each.output.rejected)
        for each in written
        if each.data
    ]
    folder = pages.site / "cards"
    folder.mkdir()
    datasets = []
    for card, rejected in found:
        told = [(TITLES[name], words) for name, words in answers(card, rejected).items()]
        (folder / f"{card.name}.md").write_text(hub_card(card, told), encoding="utf-8")
        described = json.dumps(croissant_card(card, rejected), indent=1, ensure_ascii=False)
        (folder / f"{card.name}.croissant.json").write_text(f"{described}\n", encoding="utf-8")
        datasets.append((card, told))
    pages.write("data", "data.html", datasets=datasets, weights=list(weights.items()))
    return [card for card, _ in found]


def _headlines(outputs: Sequence[StageOutput], cards: Sequence[DataCard]) -> list[tuple[str, str]]:
    images = sum(card.images for card in cards)
    simulated = sum(card.simulated for card in cards)
    bands = {band for card in cards for band, _ in card.bands}
    lost = sum(each.lost for each in outputs)
    return [
        (f"{images:,}", "images taken in"),
        (f"{sum(card.subjects for card in cards):,}", "subjects"),
        (str(len(bands)), "bands"),
        (f"{100 * simulated / max(images, 1):.1f} %", "of the images simulated"),
        (f"{lost:,}", "rows rejected"),
        (str(sum(map(is_evaluation, outputs))), "evaluations"),
    ]


def _graph(project: Path, outputs: Sequence[StageOutput]) -> dict[str, Any]:
    """Place the stages that have a page; a stage of several entries leads to the first."""
    by_stage: dict[str, list[StageOutput]] = {}
    for output in outputs:
        by_stage.setdefault(output.entry.stage, []).append(output)
    edges = {
        name: {one for one in read if one in by_stage}
        for name, read in read_edges(project).items()
        if name in by_stage
    }
    if not edges:
        return {"width": 0, "height": 0, "arrows": [], "boxes": []}
    placed = layout(edges, SIZES)
    boxes = []
    for name, (x, y) in placed.centres.items():
        counted = [each for each in by_stage[name] if "out" in each.metrics]
        lost = sum(each.lost for each in counted)
        rows_in, rows_out = (sum(each.metrics[key] for each in counted) for key in ("in", "out"))
        words = f"{rows_in:,} → {rows_out:,}" if counted else _runs(len(by_stage[name]))
        boxes.append(
            {
                "name": name,
                "href": f"{by_stage[name][0].page}.html",
                "x": x - SIZES.box_width / 2,
                "y": y - SIZES.box_height / 2,
                "width": SIZES.box_width,
                "height": SIZES.box_height,
                "count": f"{words}, −{lost:,}" if lost else words,
                "lost": lost,
            }
        )
    return {"width": placed.width, "height": placed.height, "arrows": placed.arrows, "boxes": boxes}


def _counts(output: StageOutput) -> dict[str, Any]:
    counted = "out" in output.metrics
    return {
        "name": output.name,
        "stage": output.entry.stage,
        "key": output.entry.key,
        "href": f"{output.page}.html",
        "rows_in": f"{output.metrics['in']:,}" if counted else "",
        "rows_out": f"{output.metrics['out']:,}" if counted else "",
        "lost": output.lost,
        "rejected": f"{output.lost:,}" if counted else "",
        "left_out": f"{output.left_out:,}" if counted else "",
        "reasons": ", ".join(f"{name} {count:,}" for name, count in output.rejected.items()),
        "closing": closing_words(output.rejected),
    }


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _is_known(value: Any) -> bool:
    """Tell whether there is a value: a page's JSON has no NaN, and its script would stop there."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
