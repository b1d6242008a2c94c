"""Sets of faces side by side: a column a set, a line a face."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.report import draw
from pipeline.report.contact_sheet import write_png
from pipeline.report.page import page
from pipeline.types import UInt8

_TILE_PX = 160


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
