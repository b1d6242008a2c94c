"""Boxes and keypoints of a row, whatever stage it is of: what ``coco`` and ``yolo`` are made of.

A column of ``SOURCES`` is a list of structs, one for each face or body in the image. It holds a
box, and keypoints where the source names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.errors import ExportError
from pipeline.exporters.format import Request
from pipeline.exporters.selection import Selection
from pipeline.types import Float32, Row

_SIDES = ("left", "right")

FACE_POINTS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""Names of a face's landmarks in the order of ``landmarks_xy``: left and right the subject's."""

BODY_POINTS = (
    "nose",
    *(f"{side}_{part}" for part in ("eye", "ear", "shoulder", "elbow", "wrist") for side in _SIDES),
    *(f"{side}_{part}" for part in ("hip", "knee", "ankle") for side in _SIDES),
)
"""COCO's seventeen points of a body."""


@dataclass(frozen=True)
class SourceImage:
    """A column of boxes.

    Attributes:
        column: its name.
        category: what the boxes are around.
        box: the struct's field of the box.
        points: the struct's field of keypoints ``[k, 2]``, if any.
        names: of the keypoints.
    """

    column: str
    category: str
    box: str
    points: str | None = None
    names: tuple[str, ...] = ()


SOURCES = (
    SourceImage("faces", "face", "box_xyxy", "landmarks_xy", FACE_POINTS),
    SourceImage("bodies", "person", "box_xyxy", "keypoints_xy", BODY_POINTS),
    SourceImage("truth_people", "true_face", "face_xyxy"),
    SourceImage("truth_people", "true_person", "body_xyxy"),
)
"""Where boxes are found. A category's position among those of an export is its class."""

_NOTES = ("score", "subject_id", "track_id")


@dataclass(frozen=True)
class Box:
    """One box of an image.

    Attributes:
        source: where it is from.
        xywh: left, top, width, height in pixels from the image's corner, cut at its border.
        points: keypoints ``[k, 3]``: x, y (pixel centres at integers) and 2 for a point inside the
            image, all 0 for another and where the box has none; None where the source has none.
        notes: score, subject and track, as far as the row knows.
    """

    source: SourceImage
    xywh: tuple[float, float, float, float]
    points: Float32 | None
    notes: dict[str, Any]


def sources_of(request: Request, selection: Selection) -> tuple[SourceImage, ...]:
    """Return the sources that hold boxes; the request's ``columns`` limit them.

    What a data set annotates (``truth_people``) is taken where it is named, or where nothing was
    detected: never the same face twice by accident. A source whose boxes all lack keypoints, as of
    a network that finds none, has none.

    Raises:
        ExportError: there are none, or another image is asked for than the one they are in.
    """
    if request.image != "image":
        raise ExportError(
            f"{request.format} writes boxes in pixels of the column image: expected this one as "
            f"the image, got {request.image!r}"
        )
    held = [source for source in SOURCES if source.column in selection.schema.names]
    named = [source for source in held if source.column in request.columns]
    filled = [
        _with_known_points(selection, source)
        for source in named or held
        if _filled(selection, source.column, source.box)
    ]
    detected = [source for source in filled if not source.column.startswith("truth_")]
    found = tuple(filled if named else detected or filled)
    if not found:
        names = ", ".join(dict.fromkeys(source.column for source in SOURCES))
        raise ExportError(
            f"expected boxes in a column of {names}, found none in {selection.folder.path}: export "
            "`detect`, a body stage or a data set of scenes"
        )
    return found


def _with_known_points(selection: Selection, source: SourceImage) -> SourceImage:
    """Return a source, without keypoints where no box has any."""
    if source.points is None or _filled(selection, source.column, source.points):
        return source
    return replace(source, points=None, names=())


def _filled(selection: Selection, column: str, of_item: str) -> bool:
    items = f"[item for item in {column} if item.{of_item} is not null]"
    return bool(selection.ask(f"count(*) filter (len({items}) > 0)")[0][0])


def boxes_of(row: Row, sources: Sequence[SourceImage]) -> list[Box]:
    """Return the boxes of a row that lie in its image, at least in part."""
    width, height = row["width_px"], row["height_px"]
    found = []
    for source in sources:
        for item in row[source.column] or ():
            xyxy = item[source.box]
            if xyxy is not None and (xywh := _inside(xyxy, width, height)):
                points = _points(item, source, width, height)
                notes = {name: item[name] for name in _NOTES if item.get(name) is not None}
                found.append(Box(source, xywh, points, notes))
    return found


def _inside(xyxy: Float32, width: int, height: int) -> tuple[float, float, float, float] | None:
    """Cut a box at the border and count from the image's corner, where a pixel is 1 wide."""
    x0, y0, x1, y1 = (float(value) + 0.5 for value in xyxy)
    x0, x1 = max(x0, 0.0), min(x1, float(width))
    y0, y1 = max(y0, 0.0), min(y1, float(height))
    return (x0, y0, x1 - x0, y1 - y0) if x1 > x0 and y1 > y0 else None


def _points(item: Row, source: SourceImage, width: int, height: int) -> Float32 | None:
    if source.points is None:
        return None
    if item.get(source.points) is None:
        return np.zeros((len(source.names), 3), np.float32)
    xy = np.asarray(item[source.points], np.float32)
    most = np.array([width - 0.5, height - 0.5], np.float32)
    inside = np.all((xy >= -0.5) & (xy <= most), axis=1)  # NaN is nowhere
    made = np.concatenate([xy, np.full((len(xy), 1), 2, np.float32)], axis=1)
    made[~inside] = 0.0
    return made
