"""What is measured of label maps and parts: what they show, and overlap with the ground truth.

A part of which the truth shows less than 8 pixels in the crop has no overlap.
"""

import numpy as np

from pipeline.ops.boxes import iou
from pipeline.ops.codec import decode
from pipeline.ops.geometry import warp_affine
from pipeline.parsing.parts import part_boxes, part_masks
from pipeline.types import EYES, FACE_PARTS, MOUTH, NOSE, FaceClass, Float32, Row, UInt8

LEAST_PIXELS = 8
"""Pixels of a part in the truth's crop below which its overlap says nothing."""

PARSED = {"eyes": EYES, "nose": NOSE, "mouth": MOUTH}
"""What the overlap of label maps is measured for."""

_GROUPS = (
    (*EYES, FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW, FaceClass.GLASSES),
    NOSE,
    MOUTH,
)
"""What a face has: eyes or what is about them, a nose, a mouth."""


def face_likeness(mesh_presence: float, labels: UInt8) -> float:
    """Return how much the networks after the detector believe that it found a face.

    The mesh network doubts animals, the parser drawings; neither knows both.

    Args:
        mesh_presence: in [0, 1], the mesh network's probability of a face.
        labels: uint8 (h, w) of ``FaceClass``, as the parser saw them.

    Returns:
        In [0, 1]: that probability times the share that is seen of these three: eyes (or brows, or
        glasses), nose, mouth. One is seen from ``LEAST_PIXELS`` on.
    """
    counts = np.bincount(labels.ravel(), minlength=len(FaceClass))
    seen = [counts[list(group)].sum() >= LEAST_PIXELS for group in _GROUPS]
    return float(mesh_presence) * float(np.mean(seen))


def parsed_measures(row: Row, labels: UInt8) -> Row:
    """Measure a label map.

    Args:
        row: of the aligned face, with the truth's columns.
        labels: uint8 (h, w) of ``FaceClass``, in the crop's frame.

    Returns:
        The measures of ``schemas.parse``.
    """
    present = np.flatnonzero(np.bincount(labels.ravel(), minlength=len(FaceClass)))
    known = known_labels(row)
    overlaps = {
        f"iou_{name}": None if known is None else _overlap(known, labels, classes)
        for name, classes in PARSED.items()
    }
    return {"classes_present": int((1 << present).sum()), **overlaps}


def part_measures(row: Row, boxes_xyxy: Float32) -> Row:
    """Measure the boxes of the parts.

    Args:
        row: of the parsed face, with the truth's columns.
        boxes_xyxy: (4, 4), in the crop's frame, NaN where a part was not found.

    Returns:
        The measures of ``schemas.parts``: 0 where the truth shows a part that was not found.
    """
    overlaps: list[float | None] = [None] * len(FACE_PARTS)
    if (known := known_labels(row)) is not None:
        boxes = part_boxes(part_masks(known), min_pixels=LEAST_PIXELS)
        for index, (box, found) in enumerate(zip(boxes, boxes_xyxy, strict=True)):
            if np.isfinite(box).all():
                overlaps[index] = float(np.nan_to_num(iou(box, found)[0, 0]))
    return {f"box_iou_{part}": value for part, value in zip(FACE_PARTS, overlaps, strict=True)}


def known_labels(row: Row) -> UInt8 | None:
    """Return the true label map (h, w) in the frame of the crop, None where it is not known."""
    if row.get("truth_labels") is None:
        return None
    hw = row["height_px"], row["width_px"]
    labels = decode(row["truth_labels"]["bytes"])
    return warp_affine(labels, row["warp_2x3"], hw, interpolation="nearest")


def _overlap(known: UInt8, parsed: UInt8, classes: tuple[FaceClass, ...]) -> float | None:
    theirs, ours = np.isin(known, classes), np.isin(parsed, classes)
    if theirs.sum() < LEAST_PIXELS:
        return None
    return float((theirs & ours).sum() / (theirs | ours).sum())
