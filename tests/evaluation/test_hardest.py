"""The probes that failed worst, of made-up templates whose angles say every score."""

import numpy as np
import pytest

from pipeline.evaluation.comparison import Comparison
from pipeline.evaluation.hardest import MOST, hardest
from pipeline.evaluation.recognition import recognise
from pipeline.store.protocols import (
    Exclude,
    Kind,
    Protocol,
    Provenance,
    match_table,
    template_table,
    train_table,
)


def at(*degrees):
    """Vectors of two dimensions by their angles."""
    turned = np.radians(degrees)
    return list(np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32))


def side(templates):
    """A table and embeddings of ⟨template, subject, angle⟩, None: not found; then a camera."""
    rows = [
        (None, name, subject, f"{name}.jpg", name, *(camera or [None]))
        for name, subject, _, *camera in templates
    ]
    found = [(name, angle) for name, _, angle, *_ in templates if angle is not None]
    vectors = dict(zip([f"{n}.jpg" for n, _ in found], at(*(a for _, a in found)), strict=True))
    return template_table(rows), vectors


def searched(gallery, probes, most=MOST, **options):
    """What was hardest, as told, and lines of ⟨sample, score⟩."""
    (enroll, known), (probe, asked) = side(gallery), side(probes)
    made = Protocol("p", Provenance.DERIVED, "", enroll, probe, None, train_table([]), **options)
    found = hardest(made, known, asked, recognise(made, known, asked).best, most)
    lines = [
        [each and (each.sample_id.removesuffix(".jpg"), each.score) for each in line]
        for line in found.lines
    ]
    return found.told, lines


def names(lines):
    return [[each[0] for each in line] for line in lines]


GALLERY = [("A", "a", 0), ("B", "b", 90), ("C", "c", 180), ("D", "d", None)]


def test_failures_come_by_how_far_another_one_is_ahead_and_what_was_not_found_is_left_out():
    told, lines = searched(
        GALLERY,
        [
            ("p1", "a", 60),  # cos 60 of its own, cos 30 of B: 0.366 ahead
            ("p2", "a", 80),  # cos 80 and cos 10: 0.811
            ("p3", "b", 80),  # right
            ("p4", "b", None),  # a failure to enrol
            ("p5", "d", 1),  # its mate is one
            ("p6", "stranger", 1),
            ("p7", None, 1),
            ("p8", "c", 95),  # cos 85 and cos 5: 0.909
        ],
    )
    assert told == "the 3 worst of 3 failures, 4 probes compared"
    assert names(lines) == [["p8", "C", "B"], ["p2", "A", "B"], ["p1", "A", "B"]]
    scores = [[each[1] for each in line] for line in lines]
    for (probe, *found), angles in zip(scores, [(85, 5), (80, 10), (60, 30)], strict=True):
        assert probe is None
        assert found == pytest.approx(np.cos(np.radians(angles)), abs=1e-6)


def test_no_more_than_so_many_are_kept():
    probes = [(f"p{n}", "a", 60 + n) for n in range(5)]
    told, lines = searched(GALLERY, probes, most=2)
    assert told == "the 2 worst of 5 failures, 5 probes compared"
    assert names(lines) == [["p4", "A", "B"], ["p3", "A", "B"]]


def test_without_a_failure_the_closest_to_one_are_shown():
    told, lines = searched(GALLERY, [("p1", "a", 10), ("p2", "a", 40), ("p3", "b", 80)])
    assert told == "no failure, 3 probes compared: the closest to one"
    assert names(lines) == [["p2", "A", "B"], ["p1", "A", "B"], ["p3", "B", "A"]]


def test_ties_fail_and_come_by_the_ids_of_templates():
    """Equal images of two people, and probes that are equally far from them."""
    gallery = [("B2", "b", 30), ("B1", "b", 30), ("C1", "c", 30), ("A", "a", 30)]
    told, lines = searched(gallery, [("p2", "a", 0), ("p1", "a", 0), ("p3", "b", 0)])
    assert told == "the 3 worst of 3 failures, 3 probes compared"
    assert names(lines) == [["p1", "A", "B1"], ["p2", "A", "B1"], ["p3", "B1", "A"]]


def test_probes_that_meet_nobody_else_are_left_out():
    assert searched([("A", "a", 0)], [("p1", "a", 10)]) == ("no failure, 0 probes compared", [])


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (Exclude.NONE, ["q", "A1", "B1"]),
        (Exclude.SAME_SUBJECT_AND_CAMERA, ["q", "A2", "B1"]),
        (Exclude.SAME_CAMERA, ["q", "A2", "B2"]),
    ],
)
def test_entries_that_a_query_does_not_meet_are_not_shown(exclude, expected):
    gallery = [("A1", "a", 21, "1"), ("A2", "a", 80, "2"), ("B1", "b", 20, "1")]
    gallery.append(("B2", "b", 50, "2"))
    _, lines = searched(gallery, [("q", "a", 0, "1")], kind=Kind.REIDENTIFICATION, exclude=exclude)
    assert names(lines) == [expected]


def test_among_distractors_a_probe_is_no_mate_of_itself_and_other_people_are_not_met():
    gallery = [("p1", "a", 0), ("p2", "a", 50), ("B", "b", 1), ("X", None, 20), ("Y", None, 90)]
    told, lines = searched(
        gallery,
        [("p1", "a", 0), ("p2", "a", 50)],
        kind=Kind.DISTRACTORS,
        exclude=Exclude.OTHER_MATES,
    )
    assert told == "the 2 worst of 2 failures, 2 probes compared"
    # 20 degrees away and 50 to the mate; 30 and 50
    assert names(lines) == [["p1", "p2", "X"], ["p2", "p1", "X"]]


def test_listed_pairs_of_one_person_stand_beside_those_of_two():
    (enroll, known), (probe, asked) = (
        side(GALLERY),
        side([("p1", "a", 60), ("p2", "a", 80), ("p3", "b", 80), ("p4", "b", None)]),
    )
    pairs = [
        *[("A", "p1", True), ("A", "p2", True), ("B", "p3", True), ("B", "p4", True)],
        *[("B", "p1", False), ("C", "p2", False), ("D", "p3", False)],
    ]
    listed = Protocol(
        "p",
        Provenance.DERIVED,
        "",
        enroll,
        probe,
        match_table((None, *pair) for pair in pairs),
        train_table([]),
        kind=Kind.VERIFICATION,
    )
    found = hardest(listed, known, asked, recognise(listed, known, asked).best)
    assert found.told == "5 pairs: one person, least alike, and two people, most alike"
    shown = [[each and (each.role, each.sample_id[:-4]) for each in line] for line in found.lines]
    assert shown == [
        [("probe", "p2"), ("same person", "A"), ("probe", "p1"), ("other person", "B")],
        [("probe", "p1"), ("same person", "A"), ("probe", "p2"), ("other person", "C")],
        [("probe", "p3"), ("same person", "B"), None, None],
    ]


def test_a_template_is_shown_by_its_first_sample_that_was_found():
    enroll, known = side([("A", "a", 0), ("B", "b", 90)])
    rows = [(None, "P", "a", f"{n}.jpg", None, None) for n in (2, 0, 1)]
    probe, asked = template_table(rows), dict(zip(["0.jpg", "1.jpg"], at(60, 70), strict=True))
    made = Protocol("p", Provenance.DERIVED, "", enroll, probe, None, train_table([]))
    best = recognise(made, known, asked).best
    ((shown, *_),) = hardest(made, known, asked, best).lines
    assert shown.sample_id == "0.jpg"


@pytest.fixture
def looked_at(monkeypatch):
    """How many probes each pass over scores has had since the search."""
    passes, blocks, measure = [], Comparison.blocks, recognise

    def noted(comparison, *which):
        passes.append(len(comparison.probes))
        return blocks(comparison, *which)

    def measured(*given):
        found = measure(*given)
        passes.clear()
        return found

    monkeypatch.setattr(Comparison, "blocks", noted)
    monkeypatch.setitem(globals(), "recognise", measured)
    return passes


@pytest.mark.parametrize("exclude", [Exclude.NONE, Exclude.SAME_CAMERA])
def test_nothing_is_searched_twice_and_scores_of_those_that_are_shown_alone_are_there_at_once(
    looked_at, monkeypatch, exclude
):
    monkeypatch.setattr("pipeline.evaluation.comparison.BLOCK_SCORES", 20)
    probes = [(f"p{n:02}", "a", 60 + 0.1 * n) for n in range(50)]
    kind = Kind.RECOGNITION if exclude == Exclude.NONE else Kind.REIDENTIFICATION
    _, lines = searched(GALLERY, probes, kind=kind, exclude=exclude)
    assert looked_at == [MOST]
    assert names(lines) == [[f"p{n}", "A", "B"] for n in range(49, 49 - MOST, -1)]


def among(distractors, probes):
    """What was hardest among distractors at some angles, of probes at 0 with mates at others."""
    given = [(name, name, 0) for name in probes]
    gallery = [(f"{name}'", name, degrees) for name, degrees in probes.items()]
    gallery += [(f"X{degrees}", None, degrees) for degrees in distractors]
    options = {"kind": Kind.DISTRACTORS, "exclude": Exclude.OTHER_MATES}
    return searched(gallery, given, **options)


def test_a_failure_among_distractors_is_known_from_the_search(looked_at):
    told, lines = among([30, 50], {"a": 40, "b": 20, "c": 60})
    assert told == "the 2 worst of 2 failures, 3 probes compared"
    assert names(lines) == [["c", "c'", "X30"], ["a", "a'", "X30"]]
    assert looked_at == [2]


def test_where_no_distractor_reaches_a_mate_the_closest_is_looked_for(looked_at):
    """The search itself looks at no distractor below a probe's mates."""
    told, lines = among([45, 50], {"a": 40, "b": 20})
    assert told == "no failure, 2 probes compared: the closest to one"
    assert names(lines) == [["a", "a'", "X45"], ["b", "b'", "X45"]]
    assert looked_at == [2, 2]
