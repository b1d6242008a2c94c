"""The page of results: each evaluation's table, curves and failures, and bands against bands."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.ops.codec import encode_jpeg
from pipeline.report.evaluate_bodies import BETWEEN
from pipeline.report.site.failures import FACES_OF_A_BAND, Pair, band_matrix, worst_pairs
from pipeline.report.site.markdown import html_of
from pipeline.report.site.plots import (
    COLOUR_OF_ROW,
    Curves,
    det_of,
    heat_map,
    line_chart,
    read_curves,
)
from pipeline.report.site.runs import StageOutput
from pipeline.report.site.samples import images_before
from pipeline.store import ShardFolder
from pipeline.types import Band, UInt8

Matrix = tuple[str, Markup, int]
"""Whose it is, how it looks, and how many faces of a band it compares."""

_QUALITY = 85


def is_evaluation(output: StageOutput) -> bool:
    """Tell whether a stage measures methods, so that it stands on the page of results."""
    return output.entry.stage.startswith(("evaluate_", "analyse_"))


def evaluation(output: StageOutput, images: Path) -> dict[str, Any]:
    """Return what the page shows of an evaluation.

    Args:
        output: of the stage.
        images: folder for the images of its failures; made here where there are some.
    """
    drawn = charts(output)
    return {
        "name": output.name,
        "anchor": output.anchor,
        "blocks": blocks(output),
        "charts": drawn,
        "failures": _failures(output, images),
        "sheets": output.files("contact", ".png")
        + ([] if drawn else output.files("figures", ".png")),
    }


def blocks(output: StageOutput) -> list[Markup]:
    """Return the stage's tables."""
    texts = (Path(path).read_text(encoding="utf-8") for path in output.files("figures", ".md"))
    return [block for text in texts for block in html_of(text)]


def charts(output: StageOutput) -> list[Markup]:
    """Draw the stage's curves that have points; a ROC as DET, too."""
    drawn = []
    for path in output.files("curves", ".csv"):
        if path not in output.entry.axes:
            continue
        x, y = output.entry.axes[path]
        curves = read_curves(Path(path), x, y)
        if not curves:
            continue
        for what, lines in _by_bands(curves).items():
            across = f"{_axis(x)}, {what}" if what else _axis(x)
            drawn.append(line_chart(lines, across, _axis(y), log_x=x == "far"))
        if (x, y) == ("far", "tar"):
            det = det_of(curves)
            drawn.append(line_chart(det, _axis(x), "false reject rate", log_x=True, log_y=True))
    return drawn


def _by_bands(curves: Curves) -> dict[str, Curves]:
    """Return lines by the bands that their names end with, ``trained VIS → LWIR``.

    All in one chart, several had one colour. Of such lines those are kept whose row has a colour
    of its own, as in the stage's figure.
    """
    found: dict[str, Curves] = {}
    for name, points in curves.items():
        row, mark, band = name.partition(BETWEEN)
        found.setdefault(f"{mark}{band}".strip(), {})[row] = points
    return {
        what: {row: line for row, line in lines.items() if row in COLOUR_OF_ROW or not what}
        for what, lines in found.items()
    }


def matrix(output: StageOutput, folder: ShardFolder) -> Matrix | None:
    """Draw bands against bands; None where no more than one band has faces of known people."""
    values = band_matrix(folder)
    bands = [str(band) for band in Band if any(str(band) in pair for pair in values)]
    if len(bands) < 2:
        return None
    drawn = heat_map(bands, values, "band of the gallery", "band of the probes")
    return output.entry.key, drawn, FACES_OF_A_BAND


def _failures(output: StageOutput, images: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    paths = [Path(out, "embeddings.parquet") for out in output.entry.outs]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        return []
    genuine, impostor = worst_pairs(path)
    wanted = [name for pair in (*genuine, *impostor) for name in (pair.probe, pair.gallery)]
    faces = images_before(output.inputs, wanted)
    titles = {
        "Same person, least alike": genuine,
        "Different people, most alike": impostor,
    }
    found = []
    for title, pairs in titles.items():
        if pairs:
            kind = "genuine" if pairs is genuine else "impostor"
            found.append(
                (
                    title,
                    [_pair(pair, faces, images, f"{kind}-{i}") for i, pair in enumerate(pairs)],
                )
            )
    return found


def _pair(pair: Pair, faces: Mapping[str, UInt8], images: Path, name: str) -> dict[str, Any]:
    """Write both images side by side; without a source where one is not there."""
    src = ""
    if pair.probe in faces and pair.gallery in faces:
        images.mkdir(parents=True, exist_ok=True)
        both = np.hstack([faces[pair.probe], faces[pair.gallery]])
        (images / f"{name}.jpg").write_bytes(encode_jpeg(both, _QUALITY))
        src = f"images/{images.name}/{name}.jpg"
    return {**vars(pair), "src": src}


def _axis(name: str) -> str:
    return {
        "far": "false accept rate",
        "tar": "true accept rate",
        "rate": "identification rate",
    }.get(name, name)
