"""What the stage ``train_degrader`` shows: sharpness of sets of faces, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.ops.codec import encode_png
from pipeline.ops.sharpness import sharpness
from pipeline.report import draw
from pipeline.report.metrics import quantiles
from pipeline.types import UInt8

_TILE_PX = 160


def sharpness_metrics(sets: Mapping[str, Sequence[UInt8]]) -> dict[str, dict[str, float | int]]:
    """Return the sharpness of named sets of faces, all of one frame."""
    return {name: quantiles(map(sharpness, faces)) for name, faces in sets.items()}


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
