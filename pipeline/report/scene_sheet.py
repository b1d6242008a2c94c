"""Frames of scenes with their boxes drawn."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pipeline.ops.codec import decode_rgb, encode_png
from pipeline.report import draw
from pipeline.report.chosen_rows import spread
from pipeline.report.page import MOST_PX, text_line
from pipeline.store.whole import write_whole
from pipeline.types import Band, Row, UInt8

_WIDTH_PX, _LEAST_PX = 640, 320
"""Width of a frame, and how narrow it may become for all cameras to fit on a sheet."""
_TITLE_PX = 18

Scaled = tuple[UInt8, float]
"""A frame as small as a sheet shows it at most, and by what factor it was scaled."""
_COLOURS = (
    *((255, 99, 71), (64, 200, 255), (255, 215, 0), (124, 252, 120)),
    *((238, 130, 238), (255, 165, 79), (127, 255, 212), (255, 182, 193)),
)


def scene_sheet(rows: Iterable[Row], path: Path, title: str) -> None:
    """Write a PNG of frames with bodies, faces and subjects drawn; a line per camera.

    It is of at most ``MOST_PX`` each way. Where narrower frames are not enough for that, the lines
    that are shown are spread evenly over the cameras and the title says how many there are.

    Args:
        rows: a few frames with ``image`` and ``truth_people``, up to three of a camera.
        path: the PNG to write.
        title: what is shown; what the boxes are is added.
    """
    cameras: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        cameras[list(Band).index(Band(row["band"])), row["camera_id"] or ""].append(row)
    found = [line for _, line in sorted(cameras.items())]
    words = f"{title}: a line per camera, a colour per person, bodies thick, faces thin"
    images = [
        [draw.fit(decode_rgb(r["image"]["bytes"]), _WIDTH_PX) for r in line] for line in found
    ]
    lines = [_line(line, shown, _WIDTH_PX) for line, shown in zip(found, images, strict=True)]
    if (high := sum(map(len, lines))) > MOST_PX - _TITLE_PX:
        narrower = int(_WIDTH_PX * (MOST_PX - _TITLE_PX) / high - _TITLE_PX)
        width = max(narrower, _LEAST_PX)
        lines = [_line(line, shown, width) for line, shown in zip(found, images, strict=True)]
    fitting = _fitting(lines)
    if len(fitting) < len(lines):
        words = f"{title}: {len(fitting)} of {len(lines)} cameras; {words.partition(': ')[2]}"
    width = max((line.shape[1] for line in fitting), default=_WIDTH_PX)
    bands = [_padded(line, width) for line in fitting]
    image = (
        np.vstack(bands) if bands else draw.captioned(draw.NOTHING, ["no rows"], (_WIDTH_PX, 40))
    )
    image = np.vstack([text_line(words, image.shape[1]), image])
    write_whole(path, encode_png(np.ascontiguousarray(image)))


def _line(rows: Sequence[Row], images: Sequence[Scaled], width_px: int) -> UInt8:
    return np.hstack(_level([_tile(*each, width_px) for each in zip(rows, images, strict=True)]))


def _fitting(lines: Sequence[UInt8]) -> list[UInt8]:
    """Return as many lines as a page has room for below its title, spread evenly over all."""
    for count in range(len(lines), 1, -1):
        shown = [lines[place] for place in spread(len(lines), count)]
        if sum(map(len, shown)) <= MOST_PX - _TITLE_PX:
            return shown
    return list(lines[:1])


def _tile(row: Row, scaled: Scaled, width_px: int) -> UInt8:
    """Draw one frame: a colour a person, the face's box thinner than the body's."""
    image, scale = draw.fit(scaled[0], width_px)
    image, scale = np.ascontiguousarray(image), scale * scaled[1]
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
    return draw.captioned(named, [caption], (width_px, image.shape[0]))


def _level(tiles: Sequence[UInt8]) -> list[UInt8]:
    tallest = max(len(tile) for tile in tiles)
    return [np.pad(tile, ((0, tallest - len(tile)), (0, 0), (0, 0))) for tile in tiles]


def _padded(line: UInt8, width: int) -> UInt8:
    return np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0)))
