"""Pages: lines of tiles in columns, a title above, a legend and a scale of heat below."""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from pipeline.bodies.labelling import LabelOutcome
from pipeline.report import draw
from pipeline.report.body_tiles import AREA_COLOURS, OUTCOME_COLOURS, Colour
from pipeline.report.row_kinds import RowKind, kind_of
from pipeline.types import HEAT_BANDS, FaceClass, Row, UInt8

MOST_PX = 2000
"""Width and height of a page, at most: what a screen shows and a reader opens."""

_TEXT = (220, 220, 220)
_LINE_PX = 18
_GAP_PX = 12
_SCALE_PX = 160
_LEGEND_LINES = 3
"""Lines of a legend, at most: the page is as wide as that takes."""

Legend = list[tuple[Colour, str]]
"""Colours and what they mean."""


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


_LEGENDS: dict[RowKind, Legend] = {
    RowKind.BODY: [(colour, _words(area.name)) for area, colour in AREA_COLOURS.items()],
    RowKind.MESH: [(draw.MESH, "position map, where the camera sees it")],
    RowKind.PARTS: [(draw.OTHER_BOX, "box of the part"), (draw.BOX, "what is cut out")],
    RowKind.LABELS: [
        (draw.CLASS_COLOURS[each], _words(each.name))
        for each in FaceClass
        if each != FaceClass.BACKGROUND
    ],
    RowKind.FACES: [
        (draw.BOX, "surest face"),
        (draw.OTHER_BOX, "other face"),
        (draw.POINT, "five landmarks"),
        (draw.MESH, "mesh"),
    ],
}
"""What is the same on all pages; tiles of the other kinds are images alone."""


def page(title: str, lines: Sequence[UInt8], rows: Iterable[Row] = ()) -> UInt8:
    """Lay lines of equal size out on a page of at most ``MOST_PX`` each way.

    They fill columns from the top. Where not all fit, those that are shown are spread evenly and
    the title says how many there are.

    Args:
        title: what is shown.
        lines: (h, w, 3) each, one or more; a line wider than a page is shrunk.
        rows: what the lines were drawn of: they decide on legend and scale.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    fitting = [line if line.shape[1] <= MOST_PX else draw.fit(line, MOST_PX)[0] for line in lines]
    height, width = fitting[0].shape[:2]
    notes = legend_of(list(rows))
    heat = any(row["band"] in HEAT_BANDS for row in rows)
    foot_px = _LINE_PX * (_LEGEND_LINES * bool(notes) + heat)
    per_column = max((MOST_PX - _LINE_PX - foot_px) // height, 1)
    columns = max((MOST_PX + _GAP_PX) // (width + _GAP_PX), 1)
    most = per_column * columns
    shown = sorted({round(at) for at in np.linspace(0, len(lines) - 1, min(most, len(lines)))})
    if len(shown) < len(lines):
        title = f"{title}: {len(shown)} of {len(lines)} lines"
    per_column = -(-len(shown) // -(-len(shown) // per_column))
    blocks = [
        np.vstack([fitting[at] for at in shown[start : start + per_column]])
        for start in range(0, len(shown), per_column)
    ]
    body = _beside(blocks)
    scale = _heat_scale(MOST_PX)[1] if heat else 0
    needed = max(_width_of(title) + 8, _legend_width(notes), scale)
    wide = max(body.shape[1], min(needed, MOST_PX))
    parts = [text_line(title, wide), _widened(body, wide)]
    foot = _foot(notes, wide, heat=heat)
    return np.vstack([*parts, *foot])[:MOST_PX]


def text_line(text: str, width: int) -> UInt8:
    """Draw a line of text on the dark ground, (18, width, 3)."""
    line = Image.new("RGB", (width, _LINE_PX), draw.GROUND)
    ImageDraw.Draw(line).text((4, 2), text, fill=_TEXT, font=draw.font_of(text))
    return np.asarray(line)


def legend_of(rows: Sequence[Row]) -> Legend:
    """Return what the colours of the rows' tiles mean; empty where a tile is an image alone."""
    if not rows:
        return []
    kind = kind_of(rows[0])
    return _legend_of_people(rows) if kind == RowKind.PEOPLE else _LEGENDS.get(kind, [])


def _legend_of_people(rows: Sequence[Row]) -> Legend:
    """Return the outcomes of labelling that occur, and what is annotated."""
    bodies = [body for row in rows for body in row["bodies"]]
    found = {body.get("outcome", LabelOutcome.UNLABELLED) for body in bodies}
    named = [(OUTCOME_COLOURS[each], _words(each)) for each in OUTCOME_COLOURS if each in found]
    return [*named, ((245, 245, 245), "annotated face")]


def _legend_width(notes: Legend) -> int:
    """Return a width of page in which a legend has no more than ``_LEGEND_LINES``."""
    needed = [_note_width(words) for _, words in notes]
    # What is over at the end of a line is narrower than the widest note.
    return 4 + -(-sum(needed) // _LEGEND_LINES) + max(needed, default=0)


def _note_width(words: str) -> int:
    return 22 + _width_of(words)


def _foot(notes: Legend, width: int, *, heat: bool) -> list[UInt8]:
    lines = []
    canvas, pen, x = _empty(width)
    for colour, words in notes:
        needed = _note_width(words)
        if x + needed > width and x > 4:
            lines.append(np.asarray(canvas))
            canvas, pen, x = _empty(width)
        pen.rectangle((x, 4, x + 10, 14), fill=colour, outline=(120, 120, 120))
        pen.text((x + 14, 2), words, fill=_TEXT, font=draw.font_of(words))
        x += needed
    if notes:
        lines.append(np.asarray(canvas))
    return lines + ([_heat_scale(width)[0]] if heat else [])


def _heat_scale(width: int) -> tuple[UInt8, int]:
    """Draw what grey means in MWIR and LWIR; returns the line and the width that it needs.

    The numbers are those of the files.
    """
    canvas, pen, _ = _empty(width)
    ramp = np.tile(np.linspace(0, 255, _SCALE_PX).astype(np.uint8)[None, :, None], (10, 1, 3))
    cold = "heat: cold 0"
    pen.text((4, 2), cold, fill=_TEXT, font=draw.font_of(cold))
    left = 10 + _width_of(cold)
    canvas.paste(Image.fromarray(ramp), (left, 4))
    words = "255 warm; the temperatures at both ends are each image's own, or heat.span_c"
    pen.text((left + _SCALE_PX + 6, 2), words, fill=_TEXT, font=draw.font_of(words))
    return np.asarray(canvas), left + _SCALE_PX + 10 + _width_of(words)


def _empty(width: int) -> tuple[Image.Image, ImageDraw.ImageDraw, int]:
    canvas = Image.new("RGB", (width, _LINE_PX), draw.GROUND)
    return canvas, ImageDraw.Draw(canvas), 4


def _width_of(text: str) -> int:
    return round(draw.font_of(text).getlength(text))


def _beside(blocks: Sequence[UInt8]) -> UInt8:
    height = max(block.shape[0] for block in blocks)
    gap = np.full((height, _GAP_PX, 3), draw.GROUND, np.uint8)
    placed: list[UInt8] = []
    for block in blocks:
        below = np.full((height - block.shape[0], block.shape[1], 3), draw.GROUND, np.uint8)
        placed += [gap] if placed else []
        placed.append(np.vstack([block, below]))
    return np.hstack(placed)


def _widened(image: UInt8, width: int) -> UInt8:
    right = np.full((image.shape[0], width - image.shape[1], 3), draw.GROUND, np.uint8)
    return np.hstack([image, right])
