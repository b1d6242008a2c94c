"""Tiles of the body stages: frames with boxes, names and reasons; crops with their regions."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import cv2
import numpy as np

from pipeline.bodies.body_regions import BodyRegion
from pipeline.bodies.labelling import LabelOutcome
from pipeline.ops.codec import decode, decode_rgb
from pipeline.report import draw
from pipeline.types import Band, Row, UInt8

Colour = tuple[int, int, int]

OUTCOME_COLOURS: dict[str, Colour] = {
    LabelOutcome.LABELLED: draw.BOX,
    LabelOutcome.UNLABELLED: draw.MESH,
    LabelOutcome.AMBIGUOUS: (255, 120, 220),
    LabelOutcome.UNMATCHED: draw.OTHER_BOX,
    LabelOutcome.DUPLICATE: (255, 110, 60),
    LabelOutcome.NO_SUBJECT: (200, 200, 120),
    LabelOutcome.INVALID_BOX: draw.POINT,
}
"""One colour an outcome; detections that nobody labelled yet are drawn as unlabelled."""

AREA_COLOURS: dict[BodyRegion, Colour] = {
    BodyRegion.FACE: (255, 205, 70),
    BodyRegion.TORSO: (70, 200, 255),
    BodyRegion.LOWER_BODY: (190, 120, 255),
}

_SURE = 0.5
_STRENGTH = 0.35


def scene_tile(row: Row, image: UInt8, tile_px: int) -> UInt8:
    """Draw a frame: annotated faces in white, detections with subject or reason, keypoints.

    Args:
        row: of ``detect_bodies`` or ``label_bodies``.
        image: its image, uint8 (h, w, 3).
        tile_px: longer side of the result.
    """
    small, scale = draw.fit(image, tile_px)
    small = np.ascontiguousarray(small)
    for person in row.get("truth_people") or ():
        if person["face_xyxy"] is not None:
            draw.draw_box(small, draw.at_scale(person["face_xyxy"], scale), (245, 245, 245))
    notes = []
    for body in reversed(row["bodies"]):  # the best last, on top
        outcome = body.get("outcome", LabelOutcome.UNLABELLED)
        colour = OUTCOME_COLOURS[outcome]
        box = np.nan_to_num(draw.at_scale(body["box_xyxy"], scale))
        draw.draw_box(small, box, colour)
        _draw_keypoints(small, body, scale, colour)
        notes.append((box, _note(body, outcome), colour))
    return draw.annotated(small, notes)


def crop_tile(row: Row, image: UInt8, tile_px: int) -> UInt8:
    """Draw a crop with its regions tinted and their boxes outlined.

    Args:
        row: of ``crop_bodies``.
        image: its image, uint8 (h, w, 3).
        tile_px: longer side of the result.
    """
    labels = decode(row["body_region_labels"]["bytes"])
    palette = np.array([(0, 0, 0), *AREA_COLOURS.values()])
    mixed = image * (1 - _STRENGTH) + palette[labels] * _STRENGTH
    tinted = np.where((labels > 0)[..., None], mixed, image).astype(np.uint8)
    small, scale = draw.fit(tinted, tile_px)
    small = np.ascontiguousarray(small)
    for box, colour in zip(row["body_region_boxes_xyxy"], AREA_COLOURS.values(), strict=True):
        if np.isfinite(box).all():
            draw.draw_box(small, draw.at_scale(box, scale), colour)
    return small


def strips(rows: Sequence[Row], tile_px: int) -> list[UInt8]:
    """Draw crops as lines, one a subject: a column per band, the crops side by side in it.

    Args:
        rows: of ``crop_bodies``, those of a subject and band together.
        tile_px: height of a crop.

    Returns:
        (h, w, 3) uint8 RGB each, of one size.
    """
    ordered = sorted(rows, key=_place)
    cells = {
        key: np.hstack([crop_tile(r, decode_rgb(r["image"]["bytes"]), tile_px) for r in group])
        for key, group in ((key, list(group)) for key, group in groupby(ordered, key=_place))
    }
    bands = sorted({band for _, band in cells})
    widths = {
        band: max(cell.shape[1] for key, cell in cells.items() if key[1] == band) for band in bands
    }
    simulated = {row["band"] for row in rows if row["simulated"]}
    lines = []
    for subject in sorted({subject for subject, _ in cells}):
        tiles = []
        for index in bands:
            band = list(Band)[index]
            cell = cells.get((subject, index), draw.NOTHING)
            name = f"{band} simulated" if band in simulated else str(band)
            text = [f"{subject or '-'}  {name}"] if (subject, index) in cells else [""]
            tiles.append(draw.captioned(cell, text, (widths[index] + 4, tile_px)))
        lines.append(np.hstack(tiles))
    return lines


def _place(row: Row) -> tuple[str, int]:
    return str(row["subject_id"] or ""), list(Band).index(Band(row["band"]))


def _draw_keypoints(image: UInt8, body: Row, scale: float, colour: Colour) -> None:
    if body["keypoints_xy"] is not None:
        points = draw.at_scale(body["keypoints_xy"], scale)
        for (x, y), score in zip(points, body["keypoint_scores"], strict=True):
            if score >= _SURE:
                centre = round(float(x)), round(float(y))
                cv2.circle(image, centre, 1, colour, -1, cv2.LINE_AA)


def _note(body: Row, outcome: Any) -> str:
    track = f" t{body['track_id']}" if body.get("track_id") is not None else ""
    if body.get("subject_id"):
        overlap = "" if body["overlap"] is None else f" {body['overlap']:.2f}"
        return f"{body['subject_id']}{overlap}{track}"
    return f"{outcome}{track}" if "outcome" in body else f"{body['score']:.2f}"
