"""Frames of scenes with their boxes drawn."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pipeline.ops.codec import decode_rgb, encode_png
from pipeline.report import draw
from pipeline.report.page import text_line
from pipeline.store.whole import write_whole
from pipeline.types import Band, Row, UInt8

_WIDTH_PX = 640
_COLOURS = (
    *((255, 99, 71), (64, 200, 255), (255, 215, 0), (124, 252, 120)),
    *((238, 130, 238), (255, 165, 79), (127, 255, 212), (255, 182, 193)),
)


def scene_sheet(rows: Iterable[Row], path: Path, title: str) -> None:
    """Write a PNG of frames with bodies, faces and subjects drawn; a line per camera.

    Args:
        rows: a few frames with ``image`` and ``truth_people``.
        path: the PNG to write.
        title: what is shown; what the boxes are is added.
    """
    cameras: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        cameras[list(Band).index(Band(row["band"])), row["camera_id"] or ""].append(row)
    lines = [[_tile(row) for row in found] for _, found in sorted(cameras.items())]
    width = max((sum(tile.shape[1] for tile in line) for line in lines), default=_WIDTH_PX)
    bands = [_padded(np.hstack(_level(line)), width) for line in lines]
    image = (
        np.vstack(bands) if bands else draw.captioned(draw.NOTHING, ["no rows"], (_WIDTH_PX, 40))
    )
    words = f"{title}: a line per camera, a colour per person, bodies thick, faces thin"
    image = np.vstack([text_line(words, image.shape[1]), image])
    write_whole(path, encode_png(np.ascontiguousarray(image)))


def _tile(row: Row) -> UInt8:
    """Draw one frame: a colour a person, the face's box thinner than the body's."""
    source = decode_rgb(row["image"]["bytes"])
    image, scale = draw.fit(source, _WIDTH_PX)
    image = np.ascontiguousarray(image)
    names = []
    for number, person in enumerate(row["truth_people"] or ()):
        colour = _COLOURS[number % len(_COLOURS)]
        for box, thickness in ((person["body_xyxy"], 2), (person["face_xyxy"], 1)):
            if box is not None:
                draw.draw_box(image, draw.at_scale(box, scale), colour, thickness)
        anchor = person["body_xyxy"] if person["body_xyxy"] is not None else person["face_xyxy"]
        names.append((draw.at_scale(anchor, scale), person["subject_id"], colour))
    named = draw.annotated(image, names)
    simulated = "simulated" if row["simulated"] else ""
    caption = f"{row['media_id']}  frame {row['frame_index']}  {row['split'] or '-'}  {simulated}"
    return draw.captioned(named, [caption], (_WIDTH_PX, image.shape[0]))


def _level(tiles: Sequence[UInt8]) -> list[UInt8]:
    tallest = max(len(tile) for tile in tiles)
    return [np.pad(tile, ((0, tallest - len(tile)), (0, 0), (0, 0))) for tile in tiles]


def _padded(line: UInt8, width: int) -> UInt8:
    return np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0)))
