"""From rows with detections to labelled rows and back: the flat arrays that labelling takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.bodies.annotated import Person, annotated_people
from pipeline.bodies.labelling import Labelling, LabelOutcome, label_bodies
from pipeline.types import Row


def label_rows(
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


def columns_of_subject(row: Row, subject_id: str | None) -> Row:
    """Return what an image's row says of one of its people, as columns of that person's own row.

    Args:
        row: the image, with its annotation.
        subject_id: who; None where nobody knows.

    Returns:
        ``subject_id``, ``template_id`` (all media of a subject in a band are one template),
        ``split`` (the person's own where the data set gives one, since a frame may show people of
        several), ``truth_box_xyxy``, ``truth_body_xyxy``, and no ``truth_people``.

    Reference:
        A. Nanduri, R. Chellappa, Template-based multi-domain face recognition, IJCB 2024: the
        subject-specific modelling that the body paper follows.
    """
    people = annotated_people(row) or []
    named = [p for p in people if subject_id is not None and p["subject_id"] == subject_id]
    person: Person = named[0] if named else {}
    return {
        "subject_id": subject_id,
        "template_id": None if subject_id is None else f"{subject_id}.{row['band']}",
        "split": person.get("split") or row.get("split"),
        "truth_box_xyxy": person.get("face_xyxy"),
        "truth_body_xyxy": person.get("body_xyxy"),
        "truth_people": None,
    }


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
