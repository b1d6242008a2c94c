"""What the stage ``label_bodies`` makes of a row: an image whose bodies have subjects."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.bodies.annotated import Person, annotated_people
from pipeline.bodies.labelling import MEASURES, Labelling, LabelOutcome, label_bodies
from pipeline.bodies.measures import CHOSEN, labelled_measures
from pipeline.params.label_bodies import LabelBodiesParams
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import Row


def label_rows(params: LabelBodiesParams) -> BatchFunction:
    """Build the batch function; its measures tell what each way of labelling would have found."""

    def label(rows: list[Row]) -> list[Outcome]:
        by_measure = {measure: labelled_by(rows, measure) for measure in MEASURES}
        return [
            [described(row, {name: found[index] for name, found in by_measure.items()})]
            for index, row in enumerate(rows)
        ]

    def labelled_by(rows: list[Row], measure: str) -> list[list[Row]]:
        return labelled_bodies(
            rows,
            measure=measure,
            ambiguous_above=params.ambiguous_above,
            min_overlap=params.min_overlap,
        )

    def described(row: Row, by_measure: dict[str, list[Row]]) -> Row:
        bodies = by_measure[params.measure]
        measures = labelled_measures(row, {CHOSEN: bodies} | by_measure)
        return row | {"bodies": bodies, "parent_id": row["sample_id"]} | measures

    return label


def labelled_bodies(
    rows: Sequence[Row], *, measure: str, ambiguous_above: float, min_overlap: float
) -> list[list[Row]]:
    """Label the detections of many images in one pass.

    Faces are cut at the image's edge before anything is measured: a body's box ends there too.

    In an image without face annotation a lone person takes the subject that the listing names for
    the image, if it names one; everybody else stays without (``LabelOutcome.UNLABELLED``).

    Args:
        rows: images with ``bodies``.
        measure: see ``labelling.label_bodies``.
        ambiguous_above: see there.
        min_overlap: see there.

    Returns:
        For each image its bodies with ``outcome``, ``subject_id``, ``face_xyxy`` and
        ``overlap``, in their order.
    """
    known = [annotated_people(row) for row in rows]
    people = [
        (frame, person)
        for frame, found in enumerate(known)
        for person in found or ()
        if person["face_xyxy"] is not None
    ]
    bodies = [(frame, body) for frame, row in enumerate(rows) for body in row["bodies"]]
    names = sorted({p["subject_id"] for _, p in people if p["subject_id"] is not None})
    number = {name: index for index, name in enumerate(names)}
    labelling = label_bodies(
        [body["box_xyxy"] for _, body in bodies],
        [body["score"] for _, body in bodies],
        [frame for frame, _ in bodies],
        _inside([p["face_xyxy"] for _, p in people], [rows[frame] for frame, _ in people]),
        [frame for frame, _ in people],
        [number.get(person["subject_id"], -1) for _, person in people],
        measure=measure,
        ambiguous_above=ambiguous_above,
        min_overlap=min_overlap,
    )
    labelled: list[list[Row]] = [[] for _ in rows]
    for index, (frame, body) in enumerate(bodies):
        if known[frame] is None:
            labelled[frame].append(body | _by_listing(rows[frame], body, labelling, index))
        else:
            labelled[frame].append(body | _by_face(people, labelling, index))
    return labelled


def _by_face(people: list[tuple[int, Person]], labelling: Labelling, index: int) -> Row:
    outcome, face = labelling.outcomes[index], int(labelling.faces[index])
    person = people[face][1] if face >= 0 else None
    return {
        "outcome": str(outcome),
        "subject_id": person["subject_id"] if person and outcome == LabelOutcome.LABELLED else None,
        "face_xyxy": person["face_xyxy"] if person else None,
        "overlap": float(labelling.overlaps[index]),
    }


def _by_listing(row: Row, body: Row, labelling: Labelling, index: int) -> Row:
    outcome, subject = LabelOutcome.UNLABELLED, None
    if labelling.outcomes[index] == LabelOutcome.INVALID_BOX:
        outcome = LabelOutcome.INVALID_BOX
    elif len(row["bodies"]) == 1 and row.get("subject_id"):
        outcome, subject = LabelOutcome.LABELLED, row["subject_id"]
    return {"outcome": str(outcome), "subject_id": subject, "face_xyxy": None, "overlap": None}


def _inside(faces: list[Any], rows: list[Row]) -> np.ndarray:
    """Cut faces (m, 4) at the edges of their images; one that lies outside becomes empty."""
    boxes = np.asarray(faces, np.float64).reshape(-1, 4)
    wh = np.array([[row["width_px"], row["height_px"]] * 2 for row in rows]).reshape(-1, 4)
    inside: np.ndarray = np.clip(boxes, -0.5, wh - 0.5)
    # Clipping would make a box of one that is turned inside out beyond the edge.
    return np.where((boxes[:, 2:] > boxes[:, :2]).all(axis=1, keepdims=True), inside, np.nan)
