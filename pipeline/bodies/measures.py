"""What is measured of detected and labelled bodies: beside the bodies that a data set annotates."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.bodies.annotated import people_of
from pipeline.bodies.labelling import LabelOutcome
from pipeline.ops.boxes import iou
from pipeline.types import Row

SAME_BODY_IOU = 0.5
"""From here on a detection counts as the annotated body."""
CHOSEN = "chosen"
"""Name of the labelling that the stage's params ask for, beside those by each measure."""


def detected_measures(row: Row, bodies: Sequence[Row]) -> Row:
    """Count detections and annotated bodies of an image.

    Args:
        row: the image, with the truth's columns.
        bodies: items of the column ``bodies``.

    Returns:
        The measures of ``schemas.detect_bodies``.
    """
    found = _matches(row, bodies)[1]
    return {
        "people": len(bodies),
        "annotated_bodies": len(found),
        "found_bodies": int(found.sum()),
    }


def labelled_measures(row: Row, labellings: Mapping[str, Sequence[Row]]) -> Row:
    """Count what labellings made of the same detections of an image.

    Args:
        row: the image, with the truth's columns.
        labellings: labelled bodies by the labelling's name.

    Returns:
        The measures of ``schemas.label_bodies``.
    """
    who, found = _matches(row, next(iter(labellings.values())))
    return {
        "annotated_bodies": len(found),
        "annotated_faces": sum(
            person["face_xyxy"] is not None and person["body_xyxy"] is not None
            for person in people_of(row)
        ),
        "found_bodies": int(found.sum()),
        "outcomes": [
            outcome
            for name, bodies in labellings.items()
            for outcome in _outcomes(name, bodies, who)
        ],
    }


def _outcomes(labelling: str, bodies: Sequence[Row], who: Sequence[str | None]) -> list[Row]:
    """Return one item for each outcome that occurs."""
    right = [
        body["subject_id"]
        for body, person in zip(bodies, who, strict=True)
        if body["outcome"] == LabelOutcome.LABELLED and body["subject_id"] == person
    ]
    outcomes = [body["outcome"] for body in bodies]
    return [
        {
            "labelling": labelling,
            "outcome": outcome,
            "bodies": outcomes.count(outcome),
            "right": len(right) if outcome == LabelOutcome.LABELLED else 0,
            "recalled": len(set(right)) if outcome == LabelOutcome.LABELLED else 0,
        }
        for outcome in sorted(set(outcomes))
    ]


def _matches(row: Row, bodies: Sequence[Row]) -> tuple[list[str | None], NDArray[np.bool_]]:
    """Return who each detection really is, and which annotated bodies were found."""
    truth = [
        (person["subject_id"], person["body_xyxy"])
        for person in people_of(row)
        if person["body_xyxy"] is not None
    ]
    overlap = iou(
        [body["box_xyxy"] for body in bodies] or np.empty((0, 4)),
        [box for _, box in truth] or np.empty((0, 4)),
    )
    if not overlap.size:
        return [None] * len(bodies), np.zeros(len(truth), bool)
    best = overlap.argmax(axis=1)
    sure = overlap.max(axis=1) >= SAME_BODY_IOU
    who = [truth[index][0] if ok else None for index, ok in zip(best, sure, strict=True)]
    return who, overlap.max(axis=0) >= SAME_BODY_IOU
