"""Metrics and the sheet of the stage ``attributes``."""

from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.ops.codec import decode_rgb, encode_png
from pipeline.report import draw
from pipeline.report.grouped import yaw_bucket
from pipeline.report.metrics import quantiles
from pipeline.report.separation import separation
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


def attribute_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``attributes`` output.

    Returns:
        Median and 95th percentile of each attribute by band, of the quality also by yaw (visible
        images alone), and what ``separation`` returns.
    """
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    by_yaw: dict[str, list[float]] = defaultdict(list)
    for row in folder.rows(["band", *MEASURES]):
        for name in MEASURES:
            values[name][row["band"]].append(row[name])
        if row["band"] == Band.VIS:
            by_yaw[yaw_bucket(row["yaw_deg"])].append(row["quality"])
    return {
        **{
            name: {band: quantiles(found[band]) for band in sorted(found)}
            for name, found in values.items()
        },
        "quality_of_vis_by_yaw": {name: quantiles(found) for name, found in sorted(by_yaw.items())},
        "separation": separation(folder),
    }


def quality_sheet(folder: ShardFolder, path: Path, *, tile_px: int = 130) -> None:
    """Write a PNG of faces from the lowest to the highest quality, one line a band."""
    ids: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for row in folder.rows(["sample_id", "band", "quality"]):
        ids[row["band"]].append((row["quality"], row["sample_id"]))
    places: dict[str, tuple[str, int]] = {}
    for band, found in ids.items():
        steps = np.linspace(0, len(found) - 1, min(_COLUMNS, len(found))).round().astype(int)
        for column, step in enumerate(steps):
            places[sorted(found)[step][1]] = band, column
    bands = [band for band in Band if band in ids]
    empty = draw.captioned(np.zeros((1, 1, 3), np.uint8), ["", "", ""], (tile_px, tile_px))
    tiles = {band: [empty] * _COLUMNS for band in bands}
    for index in range(folder.count):
        light = chain.from_iterable(folder.shard(index).batches(["sample_id"]))
        if any(row["sample_id"] in places for row in light):
            for row in chain.from_iterable(folder.shard(index).batches()):
                if row["sample_id"] in places:
                    band, column = places[row["sample_id"]]
                    tiles[Band(band)][column] = _tile(row, tile_px)
    sheet = np.vstack([np.hstack(tiles[band]) for band in bands]) if bands else empty
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(encode_png(sheet))
    partial.replace(path)


def _tile(row: Row, tile_px: int) -> UInt8:
    face = draw.fit(decode_rgb(row["image"]["bytes"]), tile_px)[0]
    simulated = " simulated" if row["simulated"] and row["band"] != Band.VIS else ""
    lines = [
        f"{row['band']}{simulated}",
        f"quality {row['quality']:.1f}, yaw {row['yaw_deg']:.0f}°",
        f"sharpness {row['sharpness']:.2f}",
    ]
    return draw.captioned(face, lines, (tile_px, tile_px))
