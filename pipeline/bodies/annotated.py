"""The people whom a data set annotates in an image."""

from typing import Any

from pipeline.types import Row

Person = dict[str, Any]
"""A person that the data set annotates: an item of ``truth_people``."""


def people_of(row: Row) -> list[Person]:
    """Return who is in an image: ``subject_id``, ``face_xyxy``, ``body_xyxy`` of each.

    A scene has ``truth_people``, empty where nobody is there. Any other image is of one person, of
    whom the data set may know the face, the body, both or neither: None stands for what is unknown.
    """
    if (people := row.get("truth_people")) is not None:
        return list(people)
    boxes = {"face_xyxy": row.get("truth_box_xyxy"), "body_xyxy": row.get("truth_body_xyxy")}
    return [{"subject_id": row.get("subject_id"), **boxes}]


def annotated_people(row: Row) -> list[Person] | None:
    """Return ``people_of(row)``, None where the data set has no face boxes in this image."""
    if row.get("truth_people") is None and row.get("truth_box_xyxy") is None:
        return None
    return people_of(row)


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
