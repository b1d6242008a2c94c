"""Drawing on images: faces, label maps, parts, captions. RGB uint8 throughout."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.types import FaceClass, Float32, UInt8

BOX = (64, 220, 120)
OTHER_BOX = (255, 190, 60)
POINT = (255, 64, 64)
MESH = (90, 170, 255)

CLASS_COLOURS: dict[FaceClass, tuple[int, int, int]] = {
    FaceClass.BACKGROUND: (0, 0, 0),
    FaceClass.SKIN: (236, 188, 160),
    FaceClass.LEFT_BROW: (120, 70, 20),
    FaceClass.RIGHT_BROW: (190, 120, 40),
    FaceClass.LEFT_EYE: (40, 120, 255),
    FaceClass.RIGHT_EYE: (0, 220, 255),
    FaceClass.GLASSES: (160, 160, 255),
    FaceClass.LEFT_EAR: (255, 120, 0),
    FaceClass.RIGHT_EAR: (255, 180, 90),
    FaceClass.EARRING: (255, 255, 0),
    FaceClass.NOSE: (80, 220, 80),
    FaceClass.MOUTH_INNER: (120, 0, 40),
    FaceClass.UPPER_LIP: (255, 60, 120),
    FaceClass.LOWER_LIP: (220, 0, 90),
    FaceClass.NECK: (150, 110, 200),
    FaceClass.NECKLACE: (200, 200, 0),
    FaceClass.CLOTH: (70, 90, 140),
    FaceClass.HAIR: (130, 40, 160),
    FaceClass.HAT: (100, 200, 180),
}
"""One colour a class; left and right differ, so that a swap is seen."""

_LABEL_STRENGTH = 0.5
FONT_PX, _SMALL_PX = 12, 10
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_LETTERS = "fonts/ttf/DejaVuSans.ttf"
"""A font of matplotlib's, in its data: Latin, Greek, Cyrillic, Arabic, Hebrew and others."""
_WORDS_PX = 11
GROUND = (24, 24, 26)
NOTHING = np.full((1, 1, 3), GROUND, np.uint8)
"""The image of a tile that has none."""


def font_of(text: str, size_px: int = FONT_PX) -> Font:
    """Return the font of a text: Pillow's own, narrower one has no letter beyond ASCII."""
    return _font(size_px, text.replace("°", "").isascii())


@cache
def _font(size_px: int, ascii_alone: bool) -> Font:
    package = find_spec("matplotlib")  # not imported: that takes longer than a sheet
    if ascii_alone or package is None or package.origin is None:
        return ImageFont.load_default(size_px)
    return ImageFont.truetype(Path(package.origin).with_name("mpl-data") / _LETTERS, size_px)


def fit(image: UInt8, side_px: int) -> tuple[UInt8, float]:
    """Scale an image so that its longer side is ``side_px``; returns it and the factor."""
    scale = side_px / max(image.shape[:2])
    wh = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, wh, interpolation=method), np.uint8), scale


def at_scale(xy: ArrayLike, scale: float) -> Float32:
    """Carry points, or boxes' corners, into an image that ``fit`` scaled.

    Pixel centres lie at integers in both images, so what grows is the distance from the corner
    of the image, half a pixel before the first centre.
    """
    return (np.asarray(xy, np.float32) + np.float32(0.5)) * np.float32(scale) - np.float32(0.5)


def draw_face(
    image: UInt8,
    box_xyxy: Float32,
    landmarks_xy: Float32,
    mesh_xy: Float32,
    colour: tuple[int, int, int] = BOX,
) -> None:
    """Draw a face's box, its five landmarks and the mesh, in place; all in pixels of ``image``.

    Points that are NaN, as those of a mesh that fits nothing, are left out.
    """
    draw_box(image, box_xyxy, colour)
    at = np.rint(mesh_xy)  # before what lies outside is left out: 141 - 0.001 becomes 141
    inside = (at >= 0).all(1) & (at < image.shape[1::-1]).all(1)
    columns, rows = at[inside].astype(int).T
    image[rows, columns] = MESH
    for x, y in landmarks_xy[np.isfinite(landmarks_xy).all(1)]:
        cv2.circle(image, (round(float(x)), round(float(y))), 2, POINT, -1, cv2.LINE_AA)


def draw_box(
    image: UInt8, box_xyxy: Float32, colour: tuple[int, int, int], thickness_px: int = 1
) -> None:
    """Draw a box, in place; in pixels of ``image``, all of it visible where it touches the edge.

    An edge between two pixels is drawn on the one inside.
    """
    ends = np.concatenate([np.floor(box_xyxy[:2] + 0.5), np.ceil(box_xyxy[2:] - 0.5)])
    x0, y0, x1, y1 = ends.astype(int).clip(0, [*image.shape[1::-1]] * 2).tolist()
    right, bottom = min(x1, image.shape[1] - 1), min(y1, image.shape[0] - 1)
    cv2.rectangle(image, (x0, y0), (right, bottom), colour, thickness_px)


def annotated(image: UInt8, notes: Sequence[tuple[Float32, str, tuple[int, int, int]]]) -> UInt8:
    """Write a few words at the upper corner of each box, on a ground of the box's colour.

    Words that would cover others' stand above them, as long as there is room.

    Args:
        image: (h, w, 3).
        notes: box (4,) in pixels of ``image``, words, colour.
    """
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    taken: list[tuple[float, float, float]] = []
    for box, words, colour in notes:
        font = font_of(words, _SMALL_PX)
        width = pen.textlength(words, font) + 3
        x = min(max(float(box[0]), 0.0), max(canvas.width - width, 0.0))
        beside = [there for left, there, right in taken if left < x + width and x < right]
        corner = max(float(box[1]) - _WORDS_PX, 0.0)
        y = corner
        while met := [there for there in beside if abs(there - y) <= _WORDS_PX]:
            y = min(met) - _WORDS_PX - 1
        y = y if y >= 0 else corner
        taken.append((x, y, x + width))
        pen.rectangle((x, y, x + width, y + _WORDS_PX), fill=colour)
        pen.text((x + 2, y - 1), words, fill=(0, 0, 0), font=font)
    return np.asarray(canvas)


def draw_net(image: UInt8, map_xy: Float32, seen: NDArray[np.bool_]) -> UInt8:
    """Draw every twelfth line of a position map; returns a new image.

    Args:
        image: (h, w, 3).
        map_xy: (256, 256, 2), pixels of ``image``; NaN where there is no face.
        seen: bool (256, 256): what the camera sees; lines break off elsewhere.
    """
    drawn = np.ascontiguousarray(image).copy()
    for lines, shown in ((map_xy, seen), (map_xy.swapaxes(0, 1), seen.T)):
        for line, keep in zip(lines[6::12], shown[6::12], strict=True):
            for part in np.split(np.arange(len(line)), np.flatnonzero(np.diff(keep)) + 1):
                if keep[part[0]] and len(part) > 1:
                    fixed = np.rint((line[part] + 0.5) * 16 - 8).astype(np.int32)
                    cv2.polylines(drawn, [fixed], False, MESH, 1, cv2.LINE_AA, shift=4)
    return drawn


def overlay_labels(image: UInt8, labels: UInt8) -> UInt8:
    """Lay the classes' colours over a face; background stays as it is.

    Args:
        image: (h, w, 3).
        labels: (h, w), values of ``FaceClass``.
    """
    palette = np.array([CLASS_COLOURS[FaceClass(index)] for index in range(len(FaceClass))])
    mixed = image * (1 - _LABEL_STRENGTH) + palette[labels] * _LABEL_STRENGTH
    return np.where((labels > 0)[..., None], mixed, image).astype(np.uint8)


def centred(image: UInt8, wh: tuple[int, int]) -> UInt8:
    """Centre an image on a dark ground; it has to fit into ``wh``."""
    if image.shape == (wh[1], wh[0], 3):
        return image
    canvas = np.full((wh[1], wh[0], 3), GROUND, np.uint8)
    top, left = (wh[1] - image.shape[0]) // 2, (wh[0] - image.shape[1]) // 2
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas


def captioned(image: UInt8, lines: Sequence[str], wh: tuple[int, int]) -> UInt8:
    """Centre an image on a dark tile with lines of text under it.

    Args:
        image: (h, w, 3), fits into ``wh``.
        lines: the caption; what is too long is cut, and that before two blanks or ``#`` if there
            are some: what stands behind a name is its band and whether it is simulated, behind an
            id what was made, for example which pose.
        wh: width and height of the image's place; the tile is higher by the caption.
    """
    width, height = wh
    tile = Image.new("RGB", (width, height + 14 * len(lines) + 4), GROUND)
    tile.paste(Image.fromarray(centred(image, wh)))
    pen = ImageDraw.Draw(tile)
    for number, line in enumerate(lines):
        font = font_of(line)
        shown = _cut(line, partial(_fits, font, width - 4))
        pen.text((3, height + 14 * number + 1), shown, fill=(220, 220, 220), font=font)
    return np.asarray(tile)


def _fits(font: Font, width: int, text: str) -> bool:
    return font.getlength(text) <= width


def _cut(line: str, fits: Callable[[str], bool]) -> str:
    head, mark, tail = line.rpartition("  ") if "  " in line else line.partition("#")
    if mark and not fits(line):
        while head and not fits(f"{head}..{mark}{tail}"):
            head = head[:-1]
        line = f"{head}..{mark}{tail}"
    while line and not fits(line):
        line = line[:-1]
    return line
