"""Contact sheets: a few subjects by bands out of any shard folder, drawn as its columns allow."""

import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import StageError
from pipeline.ops.codec import as_rgb, decode, decode_rgb, encode_png
from pipeline.report import draw
from pipeline.report.body_tiles import crop_tile, scene_tile, strips
from pipeline.report.chosen_rows import pick_families, pick_rows, read_rows
from pipeline.report.page import page
from pipeline.report.row_kinds import RowKind, kind_of
from pipeline.store import ShardFolder
from pipeline.store.whole import write_whole
from pipeline.types import FACE_PARTS, Band, Row, UInt8

_BEFORE = ("sample_id", "subject_id", "band", "simulated", "media_id", "frame_index", "image")
"""Columns of an image before: its tile is the image alone."""
_HEADER_BYTES = 33
"""Signature and IHDR of a PNG; a chunk of text may follow."""
_TEXT = b"tEXtSoftware\0crossband"
_MARK = struct.pack(">I", len(_TEXT) - 4) + _TEXT + struct.pack(">I", zlib.crc32(_TEXT))
_NAMED = 12
"""Subjects that are named where none of those asked for is there."""


def contact_sheet(
    folder: ShardFolder,
    path: Path,
    *,
    before: ShardFolder | None = None,
    subjects: Sequence[str] = (),
    bands: Sequence[str] = (),
    most_subjects: int = 5,
    per_subject: int = 3,
    tile_px: int = 160,
) -> None:
    """Write a PNG of a few subjects (lines) by bands (columns), of at most 2,000 px each way.

    More arguments because whoever looks chooses each by itself.

    Args:
        folder: any stage's output.
        path: the PNG to write.
        before: of a stage that makes images of images: what it made them of. A line is then one
            face, its image before on the left.
        subjects: only these, by default the first few.
        bands: only these, by default all there are.
        most_subjects: how many subjects at most where none is named.
        per_subject: how many images of a subject in each band.
        tile_px: side of a tile.

    Raises:
        StageError: subjects or bands are named and no row is of them.
    """
    pick = pick_families if before else pick_rows
    rows = pick(
        folder,
        subjects=subjects,
        bands=bands,
        most_subjects=most_subjects,
        per_subject=per_subject,
    )
    if not rows and (subjects or bands):
        raise StageError(_nothing_of(folder, subjects, bands))
    parents = [row["parent_id"] for row in rows] if before else []
    images = {}
    if before:
        found = read_rows(before, parents, _BEFORE)
        images = {row["sample_id"]: row for row in found}
    title = " ".join(reversed(folder.path.absolute().parts[-2:]))
    if rows and rows[0].get("template"):
        title += f", alignment template {rows[0]['template']}"
    write_png(page(title, lines_of(rows, tile_px, images), rows), path)


def _nothing_of(folder: ShardFolder, subjects: Sequence[str], bands: Sequence[str]) -> str:
    """Say what was asked for in vain, and what there is."""
    table = folder.table(["subject_id", "band"])
    asked, there = [], []
    for word, column, named in (("subject", "subject_id", subjects), ("band", "band", bands)):
        if named:
            asked.append(f"{word} {', '.join(map(str, named))}")
            found = sorted({value for value in table[column].to_pylist() if value is not None})
            more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            there.append(f"{word}s {', '.join(found[:_NAMED])}{more}" if found else f"no {word}s")
    has = f"has {', '.join(there)}" if len(table) else "is empty"
    return f"{folder.path} holds no row of {' in '.join(asked)}: it {has}"


def write_png(image: UInt8, path: Path) -> None:
    """Write a PNG that says whose it is, whole or not at all."""
    png = encode_png(image)
    write_whole(path, png[:_HEADER_BYTES] + _MARK + png[_HEADER_BYTES:])


def is_ours(path: Path) -> bool:
    """Tell whether ``write_png`` wrote a file."""
    with path.open("rb") as file:
        return file.read(_HEADER_BYTES + len(_MARK)).endswith(_MARK)


def lines_of(
    rows: Sequence[Row], tile_px: int, before: Mapping[str, Row] | None = None
) -> list[UInt8]:
    """Draw rows as lines of tiles: a line per subject and image, a column per band.

    Where there is one band only, a subject's images stand side by side; where there are images
    before, those made of one image beside it.

    Args:
        rows: those of a subject together.
        tile_px: side of a tile.
        before: the rows that others were made of, by id.

    Returns:
        (h, w, 3) uint8 RGB each, of one size; a tile that says so where there are no rows.
    """
    if not rows:
        return [draw.captioned(draw.NOTHING, ["no rows"], (tile_px, tile_px))]
    if kind_of(rows[0]) == RowKind.BODY:
        return strips(rows, tile_px)
    lines = _families(rows, before) if before else _lines(rows)
    shown = [row for line in lines for row in line if row is not None]
    images = {id(row): tile(row, tile_px) for row in shown}
    captions = {id(row): caption(row) for row in shown}
    depth = max(len(words) for words in captions.values())
    # A narrow image has room for its words beside it, as a square one would.
    widest = max(
        draw.font_of(line).getlength(line) for words in captions.values() for line in words
    )
    wh = (
        max(min(math.ceil(widest) + 6, tile_px), *(image.shape[1] for image in images.values())),
        max(image.shape[0] for image in images.values()),
    )
    empty = draw.captioned(draw.NOTHING, [""] * depth, wh)
    drawn = {
        key: draw.captioned(image, captions[key] + [""] * (depth - len(captions[key])), wh)
        for key, image in images.items()
    }
    return [np.hstack([empty if row is None else drawn[id(row)] for row in line]) for line in lines]


def _families(rows: Sequence[Row], before: Mapping[str, Row]) -> list[list[Row | None]]:
    """Arrange rows in lines of equal length: an image, then what was made of it."""
    lines: list[list[Row | None]] = []
    for parent, group in groupby(rows, key=lambda row: str(row["parent_id"])):
        turned = sorted(group, key=lambda row: row.get("yaw_added_deg") or 0.0)
        lines.append([before.get(parent), *turned])
    width = max(len(line) for line in lines)
    return [line + [None] * (width - len(line)) for line in lines]


def _lines(rows: Sequence[Row]) -> list[list[Row | None]]:
    """Arrange rows in lines of equal length."""
    bands = [band for band in Band if any(row["band"] == band for row in rows)]
    lines: list[list[Row | None]] = []
    if len(bands) == 1:
        for _, group in groupby(rows, key=lambda row: str(row["subject_id"])):
            lines.append(list(group))
        width = max(len(line) for line in lines)
        return [line + [None] * (width - len(line)) for line in lines]
    last = None
    for row in rows:
        column = bands.index(Band(row["band"]))
        if not lines or row["subject_id"] != last or lines[-1][column] is not None:
            lines.append([None] * len(bands))
        lines[-1][column] = row
        last = row["subject_id"]
    return lines


def tile(row: Row, tile_px: int) -> UInt8:
    """Draw one row at ``tile_px``: the image with whatever its columns tell of it."""
    image = decode_rgb(row["image"]["bytes"])
    drawn = _TILES.get(kind_of(row))
    return drawn(row, image, tile_px) if drawn else draw.fit(image, tile_px)[0]


def faces_tile(row: Row, image: UInt8, tile_px: int) -> UInt8:
    """Draw the faces that were found, that of the highest score in its own colour."""
    tile, scale = draw.fit(image, tile_px)
    tile = np.ascontiguousarray(tile)
    faces = row.get("faces") or []
    # Not the first: one that was surer with the image turned has another score than its place says.
    surest = max(faces, key=itemgetter("score"), default=None)
    for face in faces:
        draw.draw_face(
            tile,
            draw.at_scale(face["box_xyxy"], scale),
            draw.at_scale(face["landmarks_xy"], scale),
            draw.at_scale(face["mesh_xyz"][:, :2], scale),
            draw.BOX if face is surest else draw.OTHER_BOX,
        )
    return tile


def _mesh_tile(row: Row, image: UInt8, tile_px: int) -> UInt8:
    """Draw the face's position map as a net, each line where the camera sees it."""
    tile, scale = draw.fit(image, tile_px)
    # scipy and numba: only who shows maps waits
    from pipeline.face3d.map_codec import decode_position_map
    from pipeline.face3d.position_map import map_visibility, transform_map

    position_map = transform_map(decode_position_map(row["position_map"]), row["warp_2x3"])
    net_xy = draw.at_scale(position_map[..., :2], scale)
    return draw.draw_net(tile, net_xy, map_visibility(position_map) > 0)


def _labels_tile(row: Row, image: UInt8, tile_px: int) -> UInt8:
    overlaid = draw.overlay_labels(image, decode(row["labels"]["bytes"]))
    return draw.fit(overlaid, tile_px)[0]


def _parts_tile(row: Row, image: UInt8, tile_px: int) -> UInt8:
    return np.hstack([windows_tile(row, image, tile_px), crops_tile(row, tile_px)])


def windows_tile(row: Row, image: UInt8, tile_px: int) -> UInt8:
    """Draw the face with the parts' boxes and windows, ``tile_px`` square."""
    face = np.ascontiguousarray(image)
    for box, window in zip(row["part_boxes_xyxy"], row["part_windows_xyxy"], strict=True):
        for corners, colour in ((box, draw.OTHER_BOX), (window, draw.BOX)):
            if np.isfinite(corners).all():
                x0, y0, x1, y1 = (round(float(value)) for value in corners)
                cv2.rectangle(face, (x0, y0), (x1, y1), colour, 1)
    side = tile_px // 2 * 2
    return draw.centred(draw.fit(face, side)[0], (side, side))


def crops_tile(row: Row, tile_px: int) -> UInt8:
    """Draw the crops of the four parts, ``tile_px`` square; the right eye comes first."""
    half = tile_px // 2
    crops = [
        draw.fit(as_rgb(decode(row[part]["bytes"])), half)[0]
        if row[part]
        else np.zeros((half, half, 3), np.uint8)
        for part in FACE_PARTS
    ]
    return np.vstack([np.hstack([crops[1], crops[0]]), np.hstack(crops[2:])])


_TILES: dict[RowKind, Callable[[Row, UInt8, int], UInt8]] = {
    RowKind.PEOPLE: scene_tile,
    RowKind.BODY: crop_tile,
    RowKind.MESH: _mesh_tile,
    RowKind.PARTS: _parts_tile,
    RowKind.LABELS: _labels_tile,
    RowKind.FACES: faces_tile,
}
"""What draws a tile; those of the other kinds are images alone."""


def caption(row: Row) -> list[str]:
    """Return the lines under a tile: whose image in which band, its name, what was done to it."""
    band = f"{row['band']} simulated" if row["simulated"] else row["band"]
    parent, _, name = row["sample_id"].rpartition("/")[2].partition("#")
    if row.get("media_id") and row.get("frame_index") is not None:
        parent = f"{row['media_id']}  frame {row['frame_index']}"
    lines = [f"{row['subject_id']}  {band}" if row["subject_id"] else band, parent]
    if "mask_design" in row:
        lines.append(f"{row['mask_design']}  {row['mask_fit'].replace('_', ' ')}")
    elif "yaw_added_deg" in row:
        lines.append(f"yaw {row['yaw_added_deg']:+.4g}  pitch {row['pitch_added_deg']:+.4g}")
    elif "turbulence_px" in row:
        lines.append(str(row["generator"]))
    elif name and parent == row["subject_id"]:
        lines[-1] = name  # whose it is stands above
    elif name:
        lines.append(name)
    return lines
