"""Detections beside the bodies that a data set annotates."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.ops.boxes import iou
from pipeline.types import Row

SAME_BODY_IOU = 0.5
"""From here on a detection counts as the annotated body."""

FRAME = ["band", "bodies", "truth_people", "truth_box_xyxy", "truth_body_xyxy", "subject_id"]
"""Columns that ``matches`` and ``annotated`` read, and the band."""


def matches(row: Row) -> tuple[list[str | None], NDArray[np.bool_]]:
    """Return who each detection really is, and which annotated bodies were found."""
    ground_truth = [
        (person["subject_id"], person["body_xyxy"])
        for person in annotated(row)
        if person["body_xyxy"] is not None
    ]
    overlap = iou(
        [body["box_xyxy"] for body in row["bodies"]] or np.empty((0, 4)),
        [box for _, box in ground_truth] or np.empty((0, 4)),
    )
    if not overlap.size:
        return [None] * len(row["bodies"]), np.zeros(len(ground_truth), bool)
    best = overlap.argmax(axis=1)
    sure = overlap.max(axis=1) >= SAME_BODY_IOU
    who = [ground_truth[index][0] if ok else None for index, ok in zip(best, sure, strict=True)]
    return who, overlap.max(axis=0) >= SAME_BODY_IOU


def annotated(row: Row) -> list[Row]:
    """Return the annotated people: ``subject_id``, ``face_xyxy``, ``body_xyxy`` of each."""
    if row["truth_people"] is not None:
        return list(row["truth_people"])
    boxes = {"face_xyxy": row["truth_box_xyxy"], "body_xyxy": row["truth_body_xyxy"]}
    return [{"subject_id": row["subject_id"], **boxes}]


def height_px(body: Row) -> float:
    """Return the height of a box in pixels."""
    return float(body["box_xyxy"][3] - body["box_xyxy"][1])


def shares(parts: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """Return each share with 4 digits; none of nothing."""
    return {name: round(part / whole, 4) for name, (part, whole) in parts.items() if whole}
