"""Metrics and the sheet of the stage ``attributes``."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.ops.codec import decode_rgb
from pipeline.report import draw
from pipeline.report.chosen_rows import read_rows
from pipeline.report.contact_sheet import write_png
from pipeline.report.page import page
from pipeline.report.query import Tables
from pipeline.report.separation import COLUMNS, separation
from pipeline.store import ShardFolder
from pipeline.types import Band, Row, UInt8

MEASURES = (
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "sharpness",
    "illumination",
    "side_light",
    "quality",
)
_COLUMNS = 9
_LINES = 4
"""Words below a tile."""


def attribute_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``attributes`` output.

    Returns:
        Median and 95th percentile of each attribute by band, of the quality also by yaw (visible
        images alone), and what ``separation`` returns.
    """
    more = [name for name in MEASURES if name != "yaw_deg"]
    tables = Tables.of(folder, f"{COLUMNS}, {', '.join(more)}")
    by_yaw = tables.quantiles_by("yaw_bucket(yaw_deg)", "quality", where="band = 'VIS'")
    return {
        **{name: tables.quantiles_by("band", name) for name in MEASURES if tables.count()},
        "quality_of_vis_by_yaw": by_yaw,
        "separation": separation(folder, tables),
    }


def quality_sheet(folder: ShardFolder, path: Path, *, tile_px: int = 130) -> None:
    """Write a PNG of faces from the lowest to the highest quality, one line a band."""
    tables = Tables.of(folder, "sample_id, band, quality")
    tables.table(
        "ordered",
        """SELECT sample_id, band,
            row_number() OVER (PARTITION BY band ORDER BY quality, sample_id) - 1 AS place
        FROM rows""",
    )
    counts = tables.counts("band")
    bands = [band for band in Band if band in counts]
    places: dict[str, tuple[int, int]] = {}
    for line, band in enumerate(bands):
        steps = np.linspace(0, counts[band] - 1, min(_COLUMNS, counts[band])).round().astype(int)
        ids = tables.ask(
            """SELECT sample_id FROM ordered WHERE band = $band AND list_contains($steps, place)
            ORDER BY place""",
            band=str(band),
            steps=steps.tolist(),
        )
        places |= {sample_id: (line, column) for column, (sample_id,) in enumerate(ids)}
    empty = draw.captioned(draw.NOTHING, [""] * _LINES, (tile_px, tile_px))
    tiles = [[empty] * _COLUMNS for _ in bands]
    for row in read_rows(folder, places):
        line, column = places[row["sample_id"]]
        tiles[line][column] = _tile(row, tile_px)
    title = f"attributes {folder.path.absolute().parent.name}: quality rises from left to right"
    write_png(page(title, [np.hstack(line) for line in tiles] or [empty]), path)


def _tile(row: Row, tile_px: int) -> UInt8:
    face = draw.fit(decode_rgb(row["image"]["bytes"]), tile_px)[0]
    yaw_deg = round(row["yaw_deg"])  # an integer: no "-0"
    lines = [
        f"{row['subject_id'] or 'nobody'}  {row['band']}",
        f"quality {row['quality']:.1f}  yaw {yaw_deg}°",
        f"sharpness {row['sharpness']:.2f}",
        "simulated" if row["simulated"] else "",
    ]
    return draw.captioned(face, lines, (tile_px, tile_px))
