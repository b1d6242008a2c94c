"""Metrics and pictures of blur synthesis."""

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.ops.codec import encode_png
from pipeline.ops.sharpness import sharpness
from pipeline.report import draw
from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder
from pipeline.types import UInt8

_TILE_PX = 160


def degrade_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``degrade`` output.

    Returns:
        ``rows`` by generator; ``sharpness``: before and after, by generator; ``sharper``: share of
        pictures that came out sharper than they went in, by generator.
    """
    counts: Counter[str] = Counter()
    before, after = defaultdict(list), defaultdict(list)
    for row in folder.rows(["generator", "sharpness_before", "sharpness_after"]):
        counts[row["generator"]] += 1
        before[row["generator"]].append(row["sharpness_before"])
        after[row["generator"]].append(row["sharpness_after"])
    names = sorted(counts)
    return {
        "rows": dict(sorted(counts.items())),
        "sharpness": {
            name: {"before": quantiles(before[name]), "after": quantiles(after[name])}
            for name in names
        },
        "sharper": {
            name: round(float(np.mean(np.array(after[name]) > np.array(before[name]))), 4)
            for name in names
        },
    }


def sharpness_metrics(sets: Mapping[str, Sequence[UInt8]]) -> dict[str, dict[str, float | int]]:
    """Return the sharpness of named sets of faces, all of one frame."""
    return {name: quantiles(map(sharpness, faces)) for name, faces in sets.items()}


def write_curve(curve: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write a training's losses by step as CSV, for a DVC plot."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(curve[0]) if curve else ["step"])
        writer.writeheader()
        writer.writerows(curve)


def comparison_sheet(columns: Mapping[str, Sequence[UInt8]], path: Path) -> None:
    """Write a PNG with a column for each named set of faces, one line for each face."""
    empty = np.zeros((1, 1, 3), np.uint8)
    lines = max((len(faces) for faces in columns.values()), default=0)
    wh = _TILE_PX, _TILE_PX
    tiles = [
        [
            draw.captioned(
                draw.fit(faces[line], _TILE_PX)[0] if line < len(faces) else empty, [name], wh
            )
            for name, faces in columns.items()
        ]
        for line in range(lines)
    ] or [[draw.captioned(empty, ["no faces"], wh)]]
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(encode_png(np.vstack([np.hstack(line) for line in tiles])))
    partial.replace(path)
