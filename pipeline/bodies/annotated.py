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
