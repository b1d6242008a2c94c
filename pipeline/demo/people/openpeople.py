"""OpenPeople: AI-generated people, and how their sheets become images.

The archive is a wheel, that is a zip. Each person ``openpeople/data/curated/P0nn/assets`` has

- ``emotions_sheet.jpg``: 4 × 4 framed expressions,
- ``character_sheet.jpg``: 4 framed views of the head over 4 framed views of the body,
- ``studio_portrait.jpg``, ``amateur_selfie.jpg``, ``studio_posture.jpg``, ``amateur_posture.jpg``.

So each person gives 16 + 8 + 4 = 28 images. Frames differ in place and extent from sheet to
sheet, with or without a title above and with captions in black or white below: they are found by
their white borders on grey.

All people are synthetic (the archive's licence is MIT). P003 resembles a real person: left out.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import ReaderError
from pipeline.ops.reduction import reduce_to
from pipeline.types import Band, Region, Row, Split, UInt8

SPLITS: dict[str, Split] = {
    "P002": Split.TRAIN,
    "P001": Split.TEST,
    "P008": Split.VALIDATION,
    "P005": Split.TEST,
    "P007": Split.TRAIN,
    "P009": Split.TEST,
    "P004": Split.TRAIN,
    "P006": Split.TRAIN,
    "P010": Split.TRAIN,
}
"""The usable people, in the order in which a smaller sample takes them, and their split.

P004, P006 and P010 resemble one another, so one split holds them, and the largest can. Test holds
three people that differ in sex, hair and skin: with fewer, rank-1 would mean nothing. One person is
left for validation. The order fills the three splits first. P003 is never used: it resembles a real
person.
"""

EXPRESSIONS = (
    *("neutral", "happy", "sad", "angry"),
    *("surprised", "disgusted", "scared", "confused"),
    *("smug", "flirty", "thoughtful", "pensive"),
    *("exhausted", "shocked", "playful", "determined"),
)
"""Expressions of an emotions sheet in reading order, as its captions say."""

VIEWS = ("front", "left", "back", "right")
"""Captions of a character sheet's columns."""

TURNED: dict[str, tuple[str, str, str, str]] = {
    "P001": ("left", "left", "left", "right"),
    "P002": ("left", "left", "right", "left"),
    "P004": ("left", "right", "left", "right"),
    "P005": ("left", "left", "left", "right"),
    "P006": ("right", "left", "left", "right"),
    "P007": ("left", "right", "left", "right"),
    "P008": ("left", "left", "left", "right"),
    "P009": ("right", "left", "right", "right"),
    "P010": ("left", "left", "left", "right"),
}
"""Where the person really turns in the cells head left, head right, body left, body right.

Checked by eye: the generator often drew the same side twice, so the captions cannot be trusted.
``left`` is the subject's left: the nose points to larger x.
"""

SINGLES: dict[str, tuple[str, str]] = {
    "studio_portrait": ("neutral", "head"),
    "amateur_selfie": ("happy", "head"),
    "studio_posture": ("neutral", "body"),
    "amateur_posture": ("neutral", "body"),
}
"""Expression and framing of the assets that hold one image, all taken from the front."""

SHEETS = ("emotions_sheet", "character_sheet")

_FOLDER = "openpeople/data/curated"
_WHITE = 205
"""Luma of a border pixel: the sheets' grey lies at 95..140, JPEG keeps borders above 230."""
_MARGIN_PX = 3
"""What the border's blurred inner edge and JPEG's ringing take."""
_SMALLEST = 0.1
"""Least side of a frame, of the sheet's side: captions and the white of shirts are smaller."""


@dataclass(frozen=True)
class SourceImage:
    """One asset of the archive.

    Attributes:
        key: unique, ``P001/emotions_sheet``.
        subject_id: ``P001``.
        session_id: the asset's name: images of one session share clothes and light.
        member: path inside the archive.
        split: subject-disjoint.
    """

    key: str
    subject_id: str
    session_id: str
    member: str
    split: Split


@dataclass(frozen=True)
class Frame:
    """One image cut from a source image.

    Attributes:
        name: unique within its source: an expression, ``head_left``, or the asset's name. The
            sides in names are the captions'; ``view`` is what is seen.
        view: ``front``, ``left``, ``right`` or ``back``; left is turned to the subject's left.
        expression: one of ``EXPRESSIONS``; ``neutral`` where the face is not seen.
        framing: ``head`` or ``body``.
        image: RGB uint8 (h, w, 3).
    """

    name: str
    view: str
    expression: str
    framing: str
    image: UInt8


def list_images(archive: Path, subjects: int = len(SPLITS)) -> list[SourceImage]:
    """List the assets of the first ``subjects`` people of ``SPLITS``, sorted by key.

    Raises:
        ReaderError: the archive is no zip, or an asset is missing.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = set(opened.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise ReaderError(f"{archive}: expected the OpenPeople wheel (a zip): {error}") from error
    sources = [
        SourceImage(
            key=f"{subject}/{asset}",
            subject_id=subject,
            session_id=asset,
            member=f"{_FOLDER}/{subject}/assets/{asset}.jpg",
            split=split,
        )
        for subject, split in list(SPLITS.items())[:subjects]
        for asset in (*SHEETS, *SINGLES)
    ]
    missing = [source.member for source in sources if source.member not in members]
    if missing:
        raise ReaderError(
            f"{archive}: {len(missing)} of {len(sources)} images are missing, first "
            f"{missing[0]}; expected openpeople 0.1.2"
        )
    return sorted(sources, key=lambda source: source.key)


def read_image(archive: Path, member: str) -> UInt8:
    """Read one asset: RGB uint8 (h, w, 3).

    Raises:
        ReaderError: the archive or the member cannot be read, or is no image.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            data = opened.read(member)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ReaderError(f"{archive}: cannot read {member}: {error}") from error
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if bgr is None:
        raise ReaderError(f"{archive}: {member} is not an image that OpenCV reads")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def frames_of(source: SourceImage, image: UInt8, max_side_px: int = 1024) -> list[Frame]:
    """Cut a source image into its frames, each reduced to ``max_side_px``, never enlarged.

    Returns:
        16, 8 or 1 frames, in reading order.

    Raises:
        ReaderError: a sheet does not show the grid of frames that it should.
    """
    if source.session_id in SINGLES:
        expression, framing = SINGLES[source.session_id]
        reduced = reduce_to(image, max_side_px)
        return [Frame(source.session_id, "front", expression, framing, reduced)]
    rows = cut_sheet(image)
    expected = (4, 4, 4, 4) if source.session_id == "emotions_sheet" else (4, 4)
    found = tuple(len(row) for row in rows)
    if found != expected:
        raise ReaderError(f"{source.key}: expected frames in rows of {expected}, found {found}")
    cells = [reduce_to(cell, max_side_px) for row in rows for cell in row]
    if source.session_id == "emotions_sheet":
        return [
            Frame(expression, "front", expression, "head", cell)
            for expression, cell in zip(EXPRESSIONS, cells, strict=True)
        ]
    head_left, head_right, body_left, body_right = TURNED[source.subject_id]
    seen = ("front", head_left, "back", head_right, "front", body_left, "back", body_right)
    names = [f"{framing}_{view}" for framing in ("head", "body") for view in VIEWS]
    return [
        Frame(name, view, "neutral", name.split("_")[0], cell)
        for name, view, cell in zip(names, seen, cells, strict=True)
    ]


def described(source: SourceImage, frame: Frame, band: Band) -> Row:
    """Say who and what an image of a band shows and who made it: columns of ``IMAGES``."""
    return {
        "sample_id": f"{source.key}#{frame.name}.{band}",
        "dataset": "openpeople",
        "subject_id": source.subject_id,
        "session_id": source.session_id,
        "band": str(band),
        "region": str(Region.SCENE),
        "split": str(source.split),
        "view": frame.view,
        "expression": frame.expression,
        "framing": frame.framing,
        "parent_id": source.key,
        "generator": "openpeople" if band is Band.VIS else "spectral",
        "simulated": True,  # the people themselves are a generator's work
        "licence": "MIT",
    }


def cut_sheet(image: UInt8) -> list[list[UInt8]]:
    """Find the framed cells of a sheet and cut each inside its white border.

    A frame is a connected region of white whose outline is its own bounding box: at least nine
    tenths of each side's middle line are white.

    Args:
        image: RGB uint8 (h, w, 3).

    Returns:
        The rows of the sheet from above; each the cells from left to right, RGB uint8.
    """
    white = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) >= _WHITE).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(white, connectivity=8)
    height, width = white.shape
    boxes = [
        inner
        for x, y, w, h, _ in stats[1:].tolist()
        if w >= _SMALLEST * width and h >= _SMALLEST * height
        if (inner := _inside_of_border(white[y : y + h, x : x + w], x, y)) is not None
    ]
    rows: list[list[tuple[int, int, int, int]]] = []
    for box in sorted(boxes, key=lambda each: each[1] + each[3]):
        middle = (box[1] + box[3]) / 2
        if rows and rows[-1][0][1] < middle < rows[-1][0][3]:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [
        [np.ascontiguousarray(image[y1:y2, x1:x2]) for x1, y1, x2, y2 in sorted(row)]
        for row in rows
    ]


def _inside_of_border(white: UInt8, x: int, y: int) -> tuple[int, int, int, int] | None:
    """Return the box inside a frame's border (x1, y1, x2, y2; end exclusive), None if no frame.

    The border's width is the median of what the middles of the four sides show, because a white
    shirt may touch the lower one.
    """
    height, width = white.shape
    middle_rows = white[height // 10 : -(height // 10)].mean(axis=0) >= 0.9
    middle_columns = white[:, width // 10 : -(width // 10)].mean(axis=1) >= 0.9
    sides = (middle_rows, middle_rows[::-1], middle_columns, middle_columns[::-1])
    # Anti-aliased outermost lines may fall short of white: a border starts within three pixels.
    starts = [int(np.argmax(side[:4])) if side[:4].any() else -1 for side in sides]
    if min(starts) < 0:
        return None
    widths = [
        start + int(np.argmin(side[start:])) if not side[start:].all() else len(side)
        for start, side in zip(starts, sides, strict=True)
    ]
    inset = int(np.ceil(np.median(widths))) + _MARGIN_PX
    box = x + inset, y + inset, x + width - inset, y + height - inset
    return box if box[2] > box[0] and box[3] > box[1] else None
