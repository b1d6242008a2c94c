"""What the stage ``train_degrader`` shows: sharpness of sets of faces, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.ops.sharpness import sharpness
from pipeline.report import draw
from pipeline.report.contact_sheet import write_png
from pipeline.report.image_statistics import colour_shift, grid_of, kid_of_statistics
from pipeline.report.metrics import quantiles
from pipeline.report.page import page
from pipeline.types import UInt8

_TILE_PX = 160


def sharpness_metrics(sets: Mapping[str, Sequence[UInt8]]) -> dict[str, dict[str, float | int]]:
    """Return the sharpness of named sets of faces, all of one frame."""
    return {name: quantiles(map(sharpness, faces)) for name, faces in sets.items()}


def likeness_metrics(sets: Mapping[str, Sequence[UInt8]]) -> dict[str, float | None]:
    """Return how like low quality the network's images are, and what it must not leave in them.

    Args:
        sets: ``low``, ``unseen`` and ``unseen_degraded``, of one frame.

    Returns:
        ``kid_before`` and ``kid_after``: of unseen faces and of what was made of them, from those
        of low quality (see ``kid_of_statistics``): the goal is half; ``grid_before``,
        ``grid_after``: 1 to 5 without a chequered pattern; ``colour_shift`` in grey levels.
    """
    low, before, after = sets["low"], sets["unseen"], sets["unseen_degraded"]
    both = [*low, *before]
    found = {
        "kid_before": kid_of_statistics(low, before, both),
        "kid_after": kid_of_statistics(low, after, both),
        "grid_before": grid_of(before),
        "grid_after": grid_of(after),
        "colour_shift": colour_shift(before, after),
    }
    return {name: None if value is None else round(value, 4) for name, value in found.items()}


def comparison_sheet(
    title: str, columns: Mapping[str, Sequence[UInt8]], path: Path, *, simulated: bool
) -> None:
    """Write a PNG with a column for each named set of faces, one line for each face.

    Args:
        title: what is shown.
        columns: faces by the name that stands below each; ``_`` becomes a blank.
        path: the PNG to write.
        simulated: whether a program made any of the images; the title says so then.
    """
    empty = draw.NOTHING
    lines = max((len(faces) for faces in columns.values()), default=0)
    wh = _TILE_PX, _TILE_PX
    tiles = [
        [
            draw.captioned(
                draw.fit(faces[line], _TILE_PX)[0] if line < len(faces) else empty,
                [name.replace("_", " ")],
                wh,
            )
            for name, faces in columns.items()
        ]
        for line in range(lines)
    ] or [[draw.captioned(empty, ["no faces"], wh)]]
    title += " (simulated images)" if simulated else ""
    write_png(page(title, [np.hstack(line) for line in tiles]), path)
