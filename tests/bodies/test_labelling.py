"""Labelling by face boxes: hand-worked frames, and a slow loop that derives the same by words."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bodies.labelling import MEASURES, LabelOutcome, label_bodies

NOBODY = np.empty((0, 4))


def label(bodies, faces, scores=None, subjects=None, **options):
    """Label the bodies of one frame; scores fall, subjects are 0, 1, 2 …"""
    scores = np.linspace(1, 0.5, len(bodies)) if scores is None else scores
    subjects = np.arange(len(faces)) if subjects is None else subjects
    labelling = label_bodies(
        bodies, scores, [0] * len(bodies), faces, [0] * len(faces), subjects, **options
    )
    return list(labelling.outcomes), labelling.faces.tolist(), labelling.overlaps


def test_each_body_takes_the_face_it_covers_most():
    faces = [[10, 0, 20, 10], [60, 0, 70, 10]]
    bodies = [[55, 0, 80, 100], [5, 0, 30, 100]]
    outcomes, chosen, overlaps = label(bodies, faces)
    assert outcomes == [LabelOutcome.LABELLED] * 2
    assert chosen == [1, 0]
    assert overlaps.tolist() == [1.0, 1.0]


def test_overlap_is_the_share_of_the_face_that_the_body_covers():
    _, _, overlaps = label([[0, 0, 15, 40]], [[10, 0, 20, 10]])
    assert overlaps.tolist() == [0.5]
    _, _, overlaps = label([[0, 0, 15, 40]], [[10, 0, 20, 10]], measure="iou")
    assert overlaps.tolist() == [50 / (600 + 100 - 50)]


def test_two_faces_inside_a_body_are_ambiguous_under_intersection_over_face_only():
    faces, body = [[0, 0, 10, 10], [20, 0, 28, 8]], [[0, 0, 30, 90]]
    assert label(body, faces)[0] == [LabelOutcome.AMBIGUOUS]
    # As the paper writes it the rule never fires: a face is too small a part of a body.
    outcomes, chosen, _ = label(body, faces, measure="iou")
    assert (outcomes, chosen) == ([LabelOutcome.LABELLED], [0])


@pytest.mark.parametrize(
    ("covered", "outcome"), [(7.5, LabelOutcome.LABELLED), (7.6, LabelOutcome.AMBIGUOUS)]
)
def test_more_than_the_threshold_is_needed_for_ambiguity(covered, outcome):
    faces = [[0, 0, 10, 10], [20, 0, 30, 10]]
    assert label([[0, 0, 20 + covered, 90]], faces)[0] == [outcome]


def test_a_body_without_a_face_is_unmatched():
    outcomes, chosen, overlaps = label([[50, 0, 60, 30]], [[0, 0, 10, 10]])
    assert (outcomes, chosen, overlaps.tolist()) == ([LabelOutcome.UNMATCHED], [-1], [0.0])
    assert label([[50, 0, 60, 30]], NOBODY)[0] == [LabelOutcome.UNMATCHED]


def test_too_little_overlap_counts_as_none():
    bodies, faces = [[0, 0, 12, 40]], [[10, 0, 20, 10]]
    assert label(bodies, faces)[0] == [LabelOutcome.LABELLED]
    assert label(bodies, faces, min_overlap=0.2)[0] == [LabelOutcome.LABELLED]
    assert label(bodies, faces, min_overlap=0.21)[0] == [LabelOutcome.UNMATCHED]


def test_the_larger_overlap_wins_a_subject_then_the_score_then_the_first():
    face = [[10, 0, 20, 10]]
    half, whole = [0, 0, 15, 40], [0, 0, 30, 40]
    labelled, lost = LabelOutcome.LABELLED, LabelOutcome.DUPLICATE
    assert label([half, whole], face, scores=[0.9, 0.3])[0] == [lost, labelled]
    assert label([whole, whole], face, scores=[0.3, 0.9])[0] == [lost, labelled]
    assert label([whole, whole], face, scores=[0.5, 0.5])[0] == [labelled, lost]
    assert label([whole, whole], face, scores=[np.nan, 0.1])[0] == [lost, labelled]


def test_a_subject_with_two_face_boxes_is_still_claimed_once():
    faces = [[0, 0, 10, 10], [40, 0, 50, 10]]
    bodies = [[0, 0, 15, 40], [40, 0, 55, 40]]
    assert label(bodies, faces, subjects=[7, 7])[0] == [
        LabelOutcome.LABELLED,
        LabelOutcome.DUPLICATE,
    ]


def test_a_face_that_names_nobody_gives_no_subject_and_makes_nobody_a_duplicate():
    faces = [[0, 0, 10, 10], [40, 0, 50, 10]]
    bodies = [[0, 0, 15, 40], [40, 0, 55, 40]]
    assert label(bodies, faces, subjects=[-1, -1])[0] == [LabelOutcome.NO_SUBJECT] * 2


BAD = [[np.nan, 0, 1, 1], [0, 0, np.inf, 1], [5, 0, 5, 9], [9, 0, 5, 9], [0, 9, 5, 2]]


@pytest.mark.parametrize("bad", BAD)
def test_invalid_bodies_and_faces_are_told_apart(bad):
    good = [0, 0, 10, 10]
    outcomes, chosen, _ = label([bad, good], [good])
    assert (outcomes, chosen) == ([LabelOutcome.INVALID_BOX, LabelOutcome.LABELLED], [-1, 0])
    outcomes, chosen, _ = label([good], [bad, good])
    assert (outcomes, chosen) == ([LabelOutcome.LABELLED], [1])


def test_nothing_to_label_is_fine():
    empty = label_bodies(NOBODY, [], [], NOBODY, [], [])
    assert len(empty.outcomes) == len(empty.faces) == len(empty.overlaps) == 0
    assert label(NOBODY, [[0, 0, 1, 1]])[0] == []


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="none of"):
        label(NOBODY, NOBODY, measure="dice")
    with pytest.raises(ValueError, match="lengths differ"):
        label_bodies(NOBODY, [1.0], [], NOBODY, [], [])


corner = st.integers(0, 12).map(float) | st.just(math.nan)
box = st.tuples(corner, corner, corner, corner)
bodies_strategy = st.lists(st.tuples(st.integers(0, 2), box, st.sampled_from([0.2, 0.5, 0.9])))
faces_strategy = st.lists(st.tuples(st.integers(0, 2), box, st.integers(-1, 3)))


def slowly(bodies, faces, measure, ambiguous_above, min_overlap):
    """The rules in words, one detection at a time."""

    def ok(b):
        return all(map(math.isfinite, b)) and b[2] > b[0] and b[3] > b[1]

    def area(b):
        return (b[2] - b[0]) * (b[3] - b[1])

    def overlap(b, f):
        w, h = min(b[2], f[2]) - max(b[0], f[0]), min(b[3], f[3]) - max(b[1], f[1])
        shared = max(w, 0.0) * max(h, 0.0)
        whole = area(f) if measure == "intersection_over_face" else area(b) + area(f) - shared
        return shared / whole

    outcomes, claims = [], {}
    for frame, b, score in bodies:
        mine = (
            [(overlap(b, f), i) for i, (at, f, _) in enumerate(faces) if at == frame and ok(f)]
            if ok(b)
            else []
        )
        best = max((o for o, _ in mine), default=0.0)
        if not ok(b):
            outcomes.append(LabelOutcome.INVALID_BOX)
        elif sum(o > ambiguous_above for o, _ in mine) > 1:
            outcomes.append(LabelOutcome.AMBIGUOUS)
        elif best <= 0 or best < min_overlap:
            outcomes.append(LabelOutcome.UNMATCHED)
        else:
            face = next(i for o, i in mine if o == best)
            subject = faces[face][2]
            if subject < 0:
                outcomes.append(LabelOutcome.NO_SUBJECT)
            else:
                claims.setdefault((frame, subject), []).append((best, score, -len(outcomes)))
                outcomes.append(LabelOutcome.DUPLICATE)
    for group in claims.values():
        outcomes[-max(group)[2]] = LabelOutcome.LABELLED
    return outcomes


@given(
    bodies_strategy,
    faces_strategy,
    st.sampled_from(sorted(MEASURES)),
    st.sampled_from([0.0, 0.3, 0.75]),
    st.sampled_from([0.0, 0.4]),
)
def test_the_vectorised_pass_equals_the_rules_in_words(bodies, faces, measure, above, least):
    found = label_bodies(
        [b for _, b, _ in bodies],
        [s for _, _, s in bodies],
        [f for f, _, _ in bodies],
        [b for _, b, _ in faces],
        [f for f, _, _ in faces],
        [s for _, _, s in faces],
        measure=measure,
        ambiguous_above=above,
        min_overlap=least,
    )
    assert list(found.outcomes) == slowly(bodies, faces, measure, above, least)


@given(bodies_strategy, faces_strategy)
def test_frames_can_come_in_any_order_and_alone(bodies, faces):
    def run(bodies):
        return label_bodies(
            [b for _, b, _ in bodies],
            [s for _, _, s in bodies],
            [f for f, _, _ in bodies],
            [b for _, b, _ in faces],
            [f for f, _, _ in faces],
            [s for _, _, s in faces],
        )

    whole = run(bodies)
    for frame in range(3):
        kept = [i for i, (f, _, _) in enumerate(bodies) if f == frame]
        alone = run([bodies[i] for i in kept])
        assert list(alone.outcomes) == [whole.outcomes[i] for i in kept]
        assert alone.faces.tolist() == [whole.faces[i] for i in kept]
    order = np.argsort(np.array([f for f, _, _ in bodies], int), kind="stable")
    mixed = run([bodies[i] for i in order])
    assert list(mixed.outcomes) == [whole.outcomes[i] for i in order]


@given(bodies_strategy, faces_strategy)
def test_a_subject_is_given_once_a_frame_and_only_where_its_face_is(bodies, faces):
    found = label_bodies(
        [b for _, b, _ in bodies],
        [s for _, _, s in bodies],
        [f for f, _, _ in bodies],
        [b for _, b, _ in faces],
        [f for f, _, _ in faces],
        [s for _, _, s in faces],
    )
    given_away = [
        (bodies[i][0], faces[found.faces[i]][2])
        for i, outcome in enumerate(found.outcomes)
        if outcome == LabelOutcome.LABELLED
    ]
    assert len(set(given_away)) == len(given_away)
    assert all(faces[found.faces[i]][0] == bodies[i][0] for i in np.flatnonzero(found.faces >= 0))
