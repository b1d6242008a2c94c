"""Rows to arrays and back: annotations of several kinds, faces at the edge, listings without."""

import numpy as np
import pytest

from pipeline.bodies.annotated import columns_of_subject
from pipeline.bodies.label_rows import labelled_bodies
from pipeline.bodies.labelling import LabelOutcome

RULES = {"measure": "intersection_over_face", "ambiguous_above": 0.75, "min_overlap": 0.0}


def person(subject, face, split=None):
    box = None if face is None else np.float32(face)
    return {"subject_id": subject, "split": split, "face_xyxy": box, "body_xyxy": None}


def make_image(boxes, **columns):
    bodies = [{"box_xyxy": np.float32(box), "score": 0.9} for box in boxes]
    return {"bodies": bodies, "width_px": 100, "height_px": 100, **columns}


def outcomes(rows):
    return [[body["outcome"] for body in found] for found in labelled_bodies(rows, **RULES)]


def test_people_of_one_image_never_label_another():
    rows = [
        make_image([[0, 0, 30, 90]], truth_people=[person("a", [5, 5, 15, 15])]),
        make_image([[0, 0, 30, 90]], truth_people=[person("b", [5, 5, 15, 15])]),
        make_image([[0, 0, 30, 90]], truth_people=[]),
    ]
    found = labelled_bodies(rows, **RULES)
    assert [[b["subject_id"] for b in bodies] for bodies in found] == [["a"], ["b"], [None]]
    assert found[2][0]["outcome"] == LabelOutcome.UNMATCHED
    assert found[0][0]["face_xyxy"].tolist() == [5, 5, 15, 15]
    assert found[0][0]["overlap"] == 1.0


def test_a_face_beyond_the_edge_counts_with_what_is_seen_of_it():
    # The body ends at the image's edge, half the face lies beyond: all that is seen is covered.
    row = make_image([[-0.5, 0, 30, 90]], truth_people=[person("a", [-10.5, 0, 9.5, 10])])
    assert labelled_bodies([row], **RULES)[0][0]["overlap"] == 1.0
    for gone in ([-30, 0, -10, 10], [110, 0, 120, 10], [130, 0, 110, 10]):
        row = make_image([[-0.5, 0, 99.5, 90]], truth_people=[person("a", gone)])
        assert outcomes([row]) == [[LabelOutcome.UNMATCHED]]


def test_people_without_a_face_box_label_nobody():
    row = make_image([[0, 0, 30, 90]], truth_people=[person("a", None)])
    assert outcomes([row]) == [[LabelOutcome.UNMATCHED]]


def test_an_image_of_one_annotated_face_is_labelled_by_it():
    row = make_image(
        [[0, 0, 30, 90], [40, 0, 60, 90]],
        truth_people=None,
        truth_box_xyxy=np.float32([45, 5, 55, 15]),
        subject_id="a",
    )
    assert outcomes([row]) == [[LabelOutcome.UNMATCHED, LabelOutcome.LABELLED]]


@pytest.mark.parametrize(
    ("boxes", "subject", "expected"),
    [
        ([[0, 0, 9, 9]], "a", [("labelled", "a")]),
        ([[0, 0, 9, 9]], None, [("unlabelled", None)]),
        ([[0, 0, 9, 9], [20, 0, 29, 9]], "a", [("unlabelled", None)] * 2),
        ([[9, 0, 0, 9]], "a", [("invalid_box", None)]),
        ([], "a", []),
    ],
)
def test_without_annotation_only_a_lone_person_takes_the_listings_subject(boxes, subject, expected):
    (found,) = labelled_bodies([make_image(boxes, truth_people=None, subject_id=subject)], **RULES)
    assert [(body["outcome"], body["subject_id"]) for body in found] == expected


def test_a_person_has_the_split_of_their_own():
    people = [person("a", [0, 0, 9, 9], "train"), person("b", [20, 0, 29, 9], "test")]
    row = make_image([], truth_people=people, split=None, subject_id=None, band="LWIR")
    assert columns_of_subject(row, "b")["template_id"] == "b.LWIR"
    assert columns_of_subject(row, "b")["split"] == "test"
    assert columns_of_subject(row, "b")["truth_box_xyxy"].tolist() == [20, 0, 29, 9]
    unknown = columns_of_subject(row | {"split": "test"}, None)
    known = unknown["subject_id"], unknown["template_id"], unknown["split"]
    assert known == (None, None, "test")
    assert unknown["truth_people"] is None
