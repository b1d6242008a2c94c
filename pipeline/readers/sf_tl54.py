"""Reader ``sf_tl54``: SF-TL54, thermal faces with 54 landmarks and their visible counterparts.

2,556 pairs of 142 subjects, from SpeakingFaces (``readers.speaking_faces`` tells of cameras, names
and splits). MIT, from https://huggingface.co/datasets/issai/SFTL54 (``sftl.zip``); nobody is asked.

Layout: ``gray/<split>/images/<name>.png`` (LWIR), ``gray/<split>/json/<name>.json`` (labelme: a
shape ``face`` of two corners, and further shapes with 54 points in order), ``iron/…`` the same in
false colours, ``rgb/<split>/<name>.png`` (VIS); splits are ``train``, ``val``, ``test``. ``iron``
is read where there is no ``gray``. Masks, mirrored images and dlib's lists are not read.

Points as numbered in the release: 0–16 chin, 17–26 brows, 27–30 bridge of the nose, 31–35 below
it, 36–41 eye on the image's left, 42–47 the other one, 48 and 50 corners of the mouth. Rows have
five of them: the eyes' means, 30, 48, 50.

Reference:
    A. Kuzdeuov et al., SF-TL54: a thermal facial landmark dataset with visual pairs, SII 2022.
"""

import json
import logging
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.boxes import box_of_corner
from pipeline.readers.layout import is_image, list_official, make_listing, stem_of
from pipeline.readers.speaking_faces import Name, name_of, named_row
from pipeline.readers.tables import read_text
from pipeline.store import Listing
from pipeline.types import Band, Float32, Row, Split

log = logging.getLogger(__name__)

EXPECTED = "gray/{train,val,test}/{images,json}/<name> and rgb/{train,val,test}/<name>.png"
PUBLISHED = {"images": 5112, "subjects": 142, "LWIR": 2556, "VIS": 2556}
POINTS = 54
SPLITS = {"train": Split.TRAIN, "val": Split.VALIDATION, "test": Split.TEST}

_THERMAL = re.compile(r"(?:.*/)?(gray|iron)/(train|val|test)/images/([^/]+)", re.IGNORECASE)
_VISIBLE = re.compile(r"(?:.*/)?rgb/(train|val|test)/(?:images/)?([^/]+)", re.IGNORECASE)

_OTHER = re.compile(
    r"(?:.*/)?(?:iron/(?:train|val|test)/images|(?:gray|iron)/(?:train|val|test)/(?:masks|images_mirr))"
    r"/[^/]+",
    re.IGNORECASE,
)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the pairs, and the points of the thermal images.

    Raises:
        ReaderError: the root holds no such images, or a file of points can't be read.
    """
    files = list_official(root, dataset, EXPECTED)
    images = list(filter(is_image, files))  # two of one stem are told, not one of them taken
    thermal = {path: match for path in images if (match := _THERMAL.fullmatch(stem_of(path)))}
    palettes = {match[1].lower() for match in thermal.values()}
    palette = "gray" if "gray" in palettes else "iron"
    labels = {stem_of(path): path for path in files if path.lower().endswith(".json")}
    rows, without = [], []
    for path, match in thermal.items():
        if match[1].lower() != palette or (name := name_of(match[3])) is None:
            continue
        points = re.sub(r"/images/([^/]+)$", r"/json/\1", stem_of(path), flags=re.IGNORECASE)
        truth = _truth(root / labels[points]) if points in labels else {}
        if len(truth) < 2:
            without.append(path)
        rows.append(_row(path, name, match[2], dataset, params, Band.LWIR, **truth))
    rows += [
        _row(path, name, match[1], dataset, params, Band.VIS)
        for path in images
        if (match := _VISIBLE.fullmatch(stem_of(path))) and (name := name_of(match[2]))
    ]
    if without:
        log.warning(
            "%s: %d thermal images have no box or no %d points, among them %s",
            *(dataset, len(without), POINTS, without[0]),
        )
    return make_listing(root, dataset, params, EXPECTED, rows)


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say that an image is of the other palette, a mask or a mirrored copy, else None."""
    return "images in false colours, masks, mirrored copies" if _OTHER.fullmatch(path) else None


def _row(
    path: str,
    name: Name,
    split: str,
    dataset: str,
    params: DatasetParams,
    band: Band,
    **truth: object,
) -> Row:
    sample_id = f"{name.subject:03d}/{name.shot}.{band}"
    known = {"sample_id": sample_id, "band": str(band), "split": str(SPLITS[split.lower()])}
    return named_row(path, name, dataset, params, **known, **truth)


def _truth(file: Path) -> dict[str, Float32]:
    """Return the columns of a face's truth: what the file has of box and five points."""
    box, points = read_labels(file)
    truth = {}
    if box is not None:
        truth["truth_box_xyxy"] = box
    if points is not None:
        truth["truth_landmarks_xy"] = five_of(points)
    return truth


def read_labels(file: Path) -> tuple[Float32 | None, Float32 | None]:
    """Read a labelme file.

    Returns:
        (4,) box and (54, 2) points, pixels whose centres are integers; None for what is missing.

    Raises:
        ReaderError: it is no such file.
    """
    box: Float32 | None = None
    found: list[Any] = []
    try:
        for shape in json.loads(read_text(file))["shapes"]:
            if shape["label"] == "face":
                (x0, y0), (x1, y1) = shape["points"]
                x, y = min(x0, x1), min(y0, y1)
                box = box_of_corner(x, y, abs(x1 - x0), abs(y1 - y0))
            else:
                found += shape["points"]
        points = np.array(found, np.float32) - np.float32(0.5)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ReaderError(
            f"{file}: expected labelme's shapes, one of them 'face' with two corners, the others "
            "with points"
        ) from error
    whole = points.shape == (POINTS, 2) and bool(np.isfinite(points).all())
    return box, points if whole else None


def five_of(points_xy: Float32) -> Float32:
    """Return the five landmarks of 54 points.

    Args:
        points_xy: (54, 2) pixels.

    Returns:
        (5, 2) eye on the image's left, the other one, nose tip, mouth corners.
    """
    eyes = points_xy[36:42].mean(axis=0), points_xy[42:48].mean(axis=0)
    return np.stack([*eyes, points_xy[30], points_xy[48], points_xy[50]])
