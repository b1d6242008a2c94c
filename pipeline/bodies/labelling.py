"""Which body is whose: each detection takes the subject of the face box that it overlaps most.

All detections of all frames are settled in one vectorised pass over flat arrays; ``frames`` says
which belong together.

Reference:
    A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body embeddings,
    2025, section IV-A. Its "more than 0.75 IoU score with more than one face" cannot be meant
    literally: a face fills a tenth of a body's box, so the IoU of the two stays far below 0.75.
    ``intersection_over_face`` is the measure under which the rule does what the text wants.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.ops.boxes import areas, intersections, paired_iou, ratio
from pipeline.types import Bool, Float64, Int64


class LabelOutcome(StrEnum):
    """What labelling made of a detection."""

    LABELLED = "labelled"
    """It has a subject."""
    AMBIGUOUS = "ambiguous"
    """It covers more than one face."""
    UNMATCHED = "unmatched"
    """It overlaps no face of its frame, or none enough."""
    DUPLICATE = "duplicate"
    """Another detection of the frame has the better claim to its subject."""
    NO_SUBJECT = "no_subject"
    """Its face box names no subject."""
    INVALID_BOX = "invalid_box"
    """A corner is not finite, or the box is empty or turned inside out."""
    UNLABELLED = "unlabelled"
    """The data set has no face boxes in this frame, so nobody can say whose it is."""


@dataclass(frozen=True)
class Labelling:
    """What became of n detections.

    Attributes:
        faces: int64 (n,), index of the face that each overlaps most; −1 where it overlaps none.
        overlaps: float64 (n,), that overlap, 0 where there is none.
        outcomes: object (n,) of ``LabelOutcome``.
    """

    faces: Int64
    overlaps: Float64
    outcomes: NDArray[np.object_]


def intersection_over_face(bodies_xyxy: Float64, faces_xyxy: Float64) -> Float64:
    """Return which share of each face's area its body covers: (k, 4) and (k, 4) to (k,)."""
    return ratio(intersections(bodies_xyxy, faces_xyxy), areas(faces_xyxy))


MEASURES: dict[str, Callable[[Float64, Float64], Float64]] = {
    "intersection_over_face": intersection_over_face,
    "iou": paired_iou,
}
"""Measures of overlap by name."""


def label_bodies(
    boxes_xyxy: ArrayLike,
    scores: ArrayLike,
    frames: ArrayLike,
    face_boxes_xyxy: ArrayLike,
    face_frames: ArrayLike,
    face_subjects: ArrayLike,
    *,
    measure: str = "intersection_over_face",
    ambiguous_above: float = 0.75,
    min_overlap: float = 0.0,
) -> Labelling:
    """Settle whose each detection is.

    A detection that overlaps more than one face by more than ``ambiguous_above`` is ambiguous.
    Otherwise its face is the one that it overlaps most; of equals, the first. Where several
    detections of a frame claim one subject, the largest overlap wins, then the higher score, then
    the first. An invalid face box counts as not there. More arguments because detections and faces
    are three aligned columns each.

    Args:
        boxes_xyxy: (n, 4) detections.
        scores: (n,) their confidence; one that is not finite counts as lowest.
        frames: (n,) integers, the frame of each.
        face_boxes_xyxy: (m, 4) annotated faces.
        face_frames: (m,) the frame of each.
        face_subjects: (m,) integers, who it is; negative where nobody knows.
        measure: a name of ``MEASURES``.
        ambiguous_above: in [0, 1].
        min_overlap: in [0, 1]; a face that is overlapped less counts as not overlapped. At 0 any
            overlap counts, as in the paper.

    Raises:
        ValueError: the measure is not offered, or lengths differ.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure {measure!r} is none of {list(MEASURES)}")
    boxes, scores, frames = _table(boxes_xyxy, scores, frames)
    face_boxes, subjects, face_frames = _table(face_boxes_xyxy, face_subjects, face_frames)
    usable = valid_boxes(boxes)
    body, face = _pairs(usable, frames, valid_boxes(face_boxes), face_frames)
    overlap = MEASURES[measure](boxes[body], face_boxes[face])

    best_face, best = _best(len(boxes), body, face, overlap)
    covered = np.bincount(body[overlap > ambiguous_above], minlength=len(boxes))
    matched = (best > 0.0) & (best >= min_overlap)
    named: Bool = matched.copy()
    named[matched] = subjects[best_face[matched]] >= 0
    claiming = named & (covered <= 1)
    duplicate = _duplicate(claiming, frames, subjects, best_face, best, scores)
    first_that_holds = np.select(
        [~usable, covered > 1, ~matched, ~named, duplicate], [0, 1, 2, 3, 4], 5
    )
    outcomes = _OUTCOMES[first_that_holds]
    return Labelling(best_face, best, outcomes)


_OUTCOMES = np.array(
    [
        *(
            LabelOutcome.INVALID_BOX,
            LabelOutcome.AMBIGUOUS,
            LabelOutcome.UNMATCHED,
            LabelOutcome.NO_SUBJECT,
        ),
        *(LabelOutcome.DUPLICATE, LabelOutcome.LABELLED),
    ],
    dtype=object,
)


def valid_boxes(boxes_xyxy: Float64) -> Bool:
    """Tell which boxes (n, 4) are finite and have an area: bool (n,)."""
    finite = np.isfinite(boxes_xyxy).all(axis=1)
    with np.errstate(invalid="ignore"):
        solid = (boxes_xyxy[:, 2:] > boxes_xyxy[:, :2]).all(axis=1)
    return np.logical_and(finite, solid, dtype=bool)


def _table(
    boxes: ArrayLike, values: ArrayLike, frames: ArrayLike
) -> tuple[Float64, Float64, Int64]:
    table = (
        np.asarray(boxes, np.float64).reshape(-1, 4),
        np.asarray(values, np.float64).reshape(-1),
        np.asarray(frames, np.int64).reshape(-1),
    )
    if len({len(column) for column in table}) != 1:
        raise ValueError(f"lengths differ: {[len(column) for column in table]}")
    return table


def _pairs(
    usable: Bool, frames: Int64, usable_faces: Bool, face_frames: Int64
) -> tuple[Int64, Int64]:
    """Pair each usable body with each usable face of its frame, bodies and faces in order."""
    kept = np.flatnonzero(usable_faces)
    kept = kept[np.argsort(face_frames[kept], kind="stable")]
    of_frame = face_frames[kept]
    start = np.searchsorted(of_frame, frames, "left")
    count = np.where(usable, np.searchsorted(of_frame, frames, "right") - start, 0)
    body = np.repeat(np.arange(len(frames)), count)
    place = np.arange(len(body)) - np.repeat(np.cumsum(count) - count, count)
    return body, kept[np.repeat(start, count) + place]


def _best(n: int, body: Int64, face: Int64, overlap: Float64) -> tuple[Int64, Float64]:
    """Return each body's first face of largest overlap, and that overlap."""
    faces, largest = np.full(n, -1, np.int64), np.zeros(n)
    if len(body):
        starts = np.flatnonzero(np.diff(body, prepend=-1))
        largest[body[starts]] = np.maximum.reduceat(overlap, starts)
        hits = np.flatnonzero((overlap == largest[body]) & (overlap > 0.0))[::-1]
        faces[body[hits]] = face[hits]  # of several the last written stays: the first
    return faces, largest


def _duplicate(
    claiming: Bool,
    frames: Int64,
    subjects: Float64,
    faces: Int64,
    overlaps: Float64,
    scores: Float64,
) -> Bool:
    """Tell which claims lose against a better one to the same subject of the same frame."""
    claims = np.flatnonzero(claiming)
    lost = np.zeros(len(claiming), bool)
    if len(claims):
        subject, frame = subjects[faces[claims]], frames[claims]
        score = np.where(np.isfinite(scores[claims]), scores[claims], -np.inf)
        # lexsort: the last key counts most; it is stable, so that of equals the first comes first.
        order = np.lexsort((-score, -overlaps[claims], subject, frame))
        frame, subject = frame[order], subject[order]
        again = (np.diff(frame, prepend=-1) == 0) & (np.diff(subject, prepend=-1) == 0)
        again[0] = False
        lost[claims[order[again]]] = True
    return lost
