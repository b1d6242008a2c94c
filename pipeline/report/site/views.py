"""What the report shows of a row: the image before, and what the stage made of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.ops.codec import as_rgb, decode, decode_rgb, encode_jpeg
from pipeline.report import draw
from pipeline.report.body_tiles import crop_tile, scene_tile
from pipeline.report.contact_sheet import crops_tile, faces_tile, windows_tile
from pipeline.types import FACE_PARTS, Row, UInt8

TILE_PX = 224
"""Side of a view; a strip is so high and a multiple wide."""

_QUALITY = 85
_PART_COLOURS = ((70, 160, 255), (70, 220, 255), (90, 220, 90), (255, 90, 140))

View = tuple[str, UInt8]
"""A name, and an image (TILE_PX, TILE_PX, 3)."""


@dataclass(frozen=True)
class Drawing:
    """How the rows of a stage are drawn.

    Attributes:
        columns: what is read of a row beside ``image``; one that the stage has not is not drawn.
        draw: views of a row, whose image is given.
        before: whether the image that it was made of, another sample's, stands before these.
    """

    columns: tuple[str, ...]
    draw: Callable[[Row, UInt8], list[View]]
    before: bool = False


def drawing_of(names: Collection[str]) -> Drawing:
    """Return how rows are drawn that have these columns: as the stage that made the last of them.

    Only what is drawn is read: a row has several images, and they lie 32 rows together.
    """
    return next(drawing for column, drawing in _DRAWINGS if column in names)


def views_of(drawing: Drawing, row: Row, before: UInt8 | None) -> list[View]:
    """Return the views of a row, what was before first.

    Args:
        drawing: see ``drawing_of``.
        row: with ``image`` and the drawing's columns.
        before: image of the row that it was made of, None where there is none.

    Returns:
        One view or more; the second is the one that the stage is about.
    """
    made = [] if before is None else [("before", before)]
    views = [*made, *drawing.draw(row, decode_rgb(row["image"]["bytes"]))]
    return [(name, fitted(image)) for name, image in views]


def strip(views: Sequence[View]) -> bytes:
    """Encode views side by side as one JPEG."""
    return encode_jpeg(np.hstack([image for _, image in views]), _QUALITY)


def fitted(image: UInt8) -> UInt8:
    """Scale an image into the square of a view."""
    return draw.centred(draw.fit(image, TILE_PX)[0], (TILE_PX, TILE_PX))


def _frame(row: Row, image: UInt8) -> list[View]:
    return [("frame", image), ("people", scene_tile(row, image, TILE_PX))]


def _body(row: Row, image: UInt8) -> list[View]:
    return [("crop", image), ("regions", crop_tile(row, image, TILE_PX))]


def _masked(row: Row, image: UInt8) -> list[View]:
    alpha, region = (as_rgb(decode(row[f"mask_{name}"]["bytes"])) for name in ("alpha", "region"))
    return [("masked", image), ("share of change α", alpha), ("covered", region)]


def _turned(row: Row, image: UInt8) -> list[View]:
    return [("turned", image), ("turned, context", _image(row, "context"))]


def _degraded(row: Row, image: UInt8) -> list[View]:
    return [("degraded", image), ("degraded, context", _image(row, "context"))]


def _parts(row: Row, image: UInt8) -> list[View]:
    windows = windows_tile(row, image, TILE_PX)
    crops = crops_tile(row, TILE_PX)
    return [("aligned", image), ("boxes", windows), ("parts", crops), ("λ", _masks(row, image))]


def _parsed(row: Row, image: UInt8) -> list[View]:
    labels = decode(row["labels"]["bytes"])
    return [("aligned", image), ("classes", draw.overlay_labels(image, labels))]


def _aligned(row: Row, image: UInt8) -> list[View]:
    return [("context", _with_landmarks(row)), ("aligned", image)]


def _detected(row: Row, image: UInt8) -> list[View]:
    found = [("faces", faces_tile(row, image, TILE_PX))] if row["faces"] else []
    return [("image", image), *found]


def _plain(_: Row, image: UInt8) -> list[View]:
    return [("image", image)]


def _image(row: Row, column: str) -> UInt8:
    return decode_rgb(row[column]["bytes"])


def _in_3d(row: Row, image: UInt8) -> list[View]:
    """Draw the position map as a net, as colours, and the texture that it unwraps."""
    # scipy and numba: only who shows maps waits
    from pipeline.face3d.map_codec import decode_position_map
    from pipeline.face3d.position_map import map_visibility, transform_map, uv_texture

    position_map = transform_map(decode_position_map(row["position_map"]), row["warp_2x3"])
    low, high = (
        np.nanquantile(position_map.reshape(-1, 3), share, axis=0) for share in (0.01, 0.99)
    )
    scaled = np.nan_to_num((position_map - low) / np.maximum(high - low, 1e-6)).clip(0, 1)
    texture = uv_texture(image, position_map)
    seen = map_visibility(position_map)
    tile, scale = draw.fit(image, TILE_PX)
    return [
        ("aligned", image),
        ("net", draw.draw_net(tile, draw.at_scale(position_map[..., :2], scale), seen > 0)),
        ("UV position map", (scaled * 255).astype(np.uint8)),
        ("UV texture", (texture * (0.3 + 0.7 * seen[..., None])).astype(np.uint8)),
    ]


def _masks(row: Row, image: UInt8) -> UInt8:
    """Tint the pixels of each part's mask."""
    tinted = image.astype(np.float32) * 0.6
    for part, colour in zip(FACE_PARTS, _PART_COLOURS, strict=True):
        if row[f"{part}_mask"]:
            inside = decode(row[f"{part}_mask"]["bytes"]) > 0
            tinted[inside] = 0.5 * image[inside] + 0.5 * np.asarray(colour, np.float32)
    return tinted.astype(np.uint8)


def _with_landmarks(row: Row) -> UInt8:
    """Draw box and landmarks, which are in pixels of the source, over the context crop."""
    image = np.ascontiguousarray(_image(row, "context"))
    warp = np.asarray(row["context_warp_2x3"], np.float32)
    x0, y0, x1, y1 = np.asarray(row["box_xyxy"], np.float32)
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    outline = np.rint(corners @ warp[:, :2].T + warp[:, 2]).astype(np.int32)
    cv2.polylines(image, [outline], True, draw.BOX, 3, cv2.LINE_AA)
    for x, y in np.asarray(row["landmarks_xy"], np.float32) @ warp[:, :2].T + warp[:, 2]:
        cv2.circle(image, (round(float(x)), round(float(y))), 5, draw.POINT, -1, cv2.LINE_AA)
    return image


_BOXES = ("part_boxes_xyxy", "part_windows_xyxy")
_CROPS = tuple(name for part in FACE_PARTS for name in (str(part), f"{part}_mask"))
_LANDMARKS = ("context", "context_warp_2x3", "box_xyxy", "landmarks_xy")

_DRAWINGS = (
    ("bodies", Drawing(("bodies", "truth_people"), _frame)),
    (
        "body_region_boxes_xyxy",
        Drawing(("body_region_boxes_xyxy", "body_region_labels"), _body),
    ),
    ("mask_alpha", Drawing(("mask_alpha", "mask_region"), _masked, before=True)),
    ("yaw_added_deg", Drawing(("context",), _turned, before=True)),
    ("turbulence_px", Drawing(("context",), _degraded, before=True)),
    ("position_map", Drawing(("position_map", "warp_2x3"), _in_3d)),
    ("part_boxes_xyxy", Drawing((*_BOXES, *_CROPS), _parts)),
    ("labels", Drawing(("labels",), _parsed)),
    ("context", Drawing(_LANDMARKS, _aligned)),
    ("faces", Drawing(("faces",), _detected)),
    ("image", Drawing((), _plain)),
)
"""By a column that says which stage made a row, the first that the row has; all have an image."""
