"""Contact sheets: a few subjects by bands out of any shard folder, drawn as its columns allow."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import StageError
from pipeline.face3d.map_codec import decode_position_map
from pipeline.face3d.position_map import map_visibility, transform_map
from pipeline.ops.codec import as_rgb, decode, decode_rgb, encode_png
from pipeline.report import draw
from pipeline.report.body_tiles import crop_tile, scene_tile, strips
from pipeline.store import ShardFolder
from pipeline.types import Band, Row, UInt8

_PARTS = ("left_eye", "right_eye", "nose", "mouth")
_LIGHT = ["sample_id", "subject_id", "band", "view", "media_id"]


def contact_sheet(
    folder: ShardFolder,
    path: Path,
    *,
    subjects: Sequence[str] = (),
    bands: Sequence[str] = (),
    most_subjects: int = 5,
    per_subject: int = 3,
    tile_px: int = 160,
) -> None:
    """Write a PNG of a few subjects (lines) by bands (columns).

    Args:
        folder: any stage's output.
        path: the PNG to write.
        subjects: only these, by default the first few.
        bands: only these, by default all there are.
        most_subjects: how many subjects at most where none is named.
        per_subject: how many images of a subject in each band.
        tile_px: side of a tile.

    Raises:
        StageError: subjects or bands are named and no row is of them.
    """
    rows = pick_rows(
        folder,
        subjects=subjects,
        bands=bands,
        most_subjects=most_subjects,
        per_subject=per_subject,
    )
    if not rows and (subjects or bands):
        asked = f"subjects {list(subjects) or 'any'}, bands {list(bands) or 'any'}"
        raise StageError(f"{folder.path} holds no row of {asked}")
    drawn = (
        strips(rows, tile_px)
        if rows and "body_region_boxes_xyxy" in rows[0]
        else sheet(rows, tile_px)
    )
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(encode_png(drawn))
    partial.replace(path)


def pick_rows(
    folder: ShardFolder,
    *,
    subjects: Sequence[str] = (),
    bands: Sequence[str] = (),
    most_subjects: int = 5,
    per_subject: int = 3,
) -> list[Row]:
    """Pick rows spread evenly over those of a subject's images that exist in the most bands.

    Frames of videos exist in one band each: every band's own are spread.

    Returns:
        Rows with images, sorted by subject, image, band.
    """
    cells: defaultdict[str, defaultdict[str, dict[Band, str]]]
    cells = defaultdict(lambda: defaultdict(dict))
    shard_of_row: dict[str, int] = {}
    filmed: set[str] = set()
    for index in range(folder.count):
        for row in chain.from_iterable(folder.shard(index).batches(_LIGHT)):
            subject, band = row["subject_id"] or "", Band(row["band"])
            if (not subjects or subject in subjects) and (not bands or band in bands):
                cells[subject][_image(row)][band] = row["sample_id"]
                filmed |= {subject} if row["media_id"] else set()
                shard_of_row[row["sample_id"]] = index
    chosen: dict[str, tuple[str, int, int]] = {}
    order = list(Band)
    for subject in sorted(cells)[: len(subjects) or most_subjects]:
        choose = _of_videos if subject in filmed else _of_images
        for place, band, sample_id in choose(cells[subject], per_subject):
            chosen[sample_id] = (subject, place, order.index(band))
    picked = [
        row
        for index in sorted({shard_of_row[sample_id] for sample_id in chosen})
        for row in chain.from_iterable(folder.shard(index).batches())
        if row["sample_id"] in chosen
    ]
    return sorted(picked, key=lambda row: chosen[row["sample_id"]])


def sheet(rows: Sequence[Row], tile_px: int) -> UInt8:
    """Draw rows as a grid: a line per subject and image, a column per band.

    Where there is one band only, a subject's images stand side by side.

    Returns:
        (h, w, 3) uint8 RGB; a tile that says so where there are no rows.
    """
    if not rows:
        return draw.captioned(np.zeros((1, 1, 3), np.uint8), ["no rows"], (tile_px, tile_px))
    lines = _lines(rows)
    images = {id(row): tile(row, tile_px) for row in rows}
    width = max(image.shape[1] for image in images.values())
    height = max(image.shape[0] for image in images.values())
    empty = draw.captioned(np.zeros((1, 1, 3), np.uint8), ["", ""], (width, height))
    return np.vstack(
        [
            np.hstack(
                [
                    empty
                    if row is None
                    else draw.captioned(images[id(row)], _caption(row), (width, height))
                    for row in line
                ]
            )
            for line in lines
        ]
    )


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
    if "bodies" in row:
        return scene_tile(row, image, tile_px)
    if "body_region_boxes_xyxy" in row:
        return crop_tile(row, image, tile_px)
    if "mask_alpha" in row:
        return draw.fit(image, tile_px)[0]
    if "position_map" in row:
        return _mesh_tile(row, image, tile_px)
    if "part_boxes_xyxy" in row:
        return _parts_tile(row, image, tile_px)
    if "labels" in row:
        image = draw.overlay_labels(image, decode(row["labels"]["bytes"]))
        return draw.fit(image, tile_px)[0]
    if "template" in row:
        return draw.fit(image, tile_px)[0]
    image, scale = draw.fit(image, tile_px)
    image = np.ascontiguousarray(image)
    for rank, face in enumerate(row.get("faces") or []):
        draw.draw_face(
            image,
            face["box_xyxy"] * scale,
            face["landmarks_xy"] * scale,
            face["mesh_xyz"][:, :2] * scale,
            draw.OTHER_BOX if rank else draw.BOX,
        )
    return image


def _mesh_tile(row: Row, image: UInt8, tile_px: int) -> UInt8:
    """Draw the face's position map as a net, each line where the camera sees it."""
    tile, scale = draw.fit(image, tile_px)
    position_map = transform_map(decode_position_map(row["position_map"]), row["warp_2x3"])
    return draw.draw_net(tile, position_map[..., :2] * scale, map_visibility(position_map) > 0)


def _parts_tile(row: Row, image: UInt8, tile_px: int) -> UInt8:
    """Draw the face with the parts' windows, and the four crops beside it."""
    face = np.ascontiguousarray(image)
    for box, window in zip(row["part_boxes_xyxy"], row["part_windows_xyxy"], strict=True):
        for corners, colour in ((box, draw.OTHER_BOX), (window, draw.BOX)):
            if np.isfinite(corners).all():
                x0, y0, x1, y1 = (round(float(value)) for value in corners)
                cv2.rectangle(face, (x0, y0), (x1, y1), colour, 1)
    half = tile_px // 2
    crops = [
        draw.fit(as_rgb(decode(row[part]["bytes"])), half)[0]
        if row[part]
        else np.zeros((half, half, 3), np.uint8)
        for part in _PARTS
    ]
    face = draw.centred(draw.fit(face, half * 2)[0], (half * 2, half * 2))
    side = np.vstack([np.hstack([crops[1], crops[0]]), np.hstack(crops[2:])])
    return np.hstack([face, side])


def _image(row: Row) -> str:
    """Name an image whatever its band: the id without the band's name."""
    return str(row["sample_id"]).replace(row["band"], "")


def _caption(row: Row) -> list[str]:
    infrared = row["band"] != Band.VIS
    band = f"{row['band']} simulated" if row["simulated"] and infrared else row["band"]
    name = row["sample_id"].rpartition("/")[2]
    if row.get("media_id") and row.get("frame_index") is not None:
        name = f"{row['media_id']}  frame {row['frame_index']}"
    return [f"{row['subject_id'] or '-'}  {band}", name]


def _of_images(images: Mapping[str, dict[Band, str]], most: int) -> Iterator[tuple[int, Band, str]]:
    """Yield line, band and id of images that exist in the most bands, spread evenly over them."""
    widest = max(len(found) for found in images.values())
    whole = sorted(name for name, found in images.items() if len(found) == widest)
    for place, index in enumerate(_spread(len(whole), most)):
        for band, sample_id in images[whole[index]].items():
            yield place, band, sample_id


def _of_videos(images: Mapping[str, dict[Band, str]], most: int) -> Iterator[tuple[int, Band, str]]:
    """Yield the same of frames: none is in several bands, so each band's own are spread."""
    by_band: defaultdict[Band, list[str]] = defaultdict(list)
    for name in sorted(images):
        for band, sample_id in images[name].items():
            by_band[band].append(sample_id)
    for band, ids in by_band.items():
        for place, index in enumerate(_spread(len(ids), most)):
            yield place, band, ids[index]


def _spread(count: int, most: int) -> list[int]:
    """Return up to ``most`` indices spread evenly over ``count``."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(most, count))})
