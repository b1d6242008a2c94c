"""Subjects as numbers: one sort of names, and nobody."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.evaluation import bootstrap
from pipeline.evaluation.band_templates import filmed_in_bands
from pipeline.evaluation.bootstrap import (
    VerificationBootstrap,
    mean_interval,
    median_interval,
)
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.listed_pairs import ScoredPairs, measure_pairs
from pipeline.evaluation.measures import measure
from pipeline.evaluation.recognition import chance_rank1
from pipeline.evaluation.subjects import NOBODY, codes_of
from pipeline.evaluation.templates import sides_of
from pipeline.store.protocols import Kind, Protocol, Provenance, template_table, train_table

FACES = np.eye(4)
FACES_BY_NAME = {f"t{n}": face for n, face in enumerate(np.float32(FACES))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["1", "2"], [1, 2]),
        ([1, 2], np.array(["1", "2"])),
        (["1", None], [1, None]),
        ([1, "1"], [1, 2]),
        (np.array(["1", 2], object), ["1", "2"]),
    ],
)
def test_text_beside_numbers_is_refused(one, other):
    with pytest.raises(ValueError, match="subjects: expected text on both sides or numbers"):
        compare(FACES[:2], FACES[:2], one, other)
    with pytest.raises(ValueError, match="read both with the same type"):
        VerificationBootstrap(np.ones((2, 2)), one, other)


@pytest.mark.parametrize("nobody", [None, ""])
def test_an_empty_subject_is_nobodys_mate(nobody):
    names = ["a", nobody, "b", nobody]
    curve = measure(compare(FACES, FACES, names, names), (0.1,)).curve
    assert (curve.genuine, curve.impostor) == (2, 14)
    asked, known = codes_of(names, ["b", nobody])
    assert (asked.tolist(), known.tolist()) == ([0, NOBODY, 1, NOBODY], [1, NOBODY])


def test_numbers_with_gaps_are_numbers():
    asked, known = codes_of([1.0, np.nan, 3.0], np.array([3, 1]))
    assert (asked.tolist(), known.tolist()) == ([0, NOBODY, 1], [1, 0])


def test_leading_zeros_make_another_person():
    asked, known = codes_of(["0001"], ["1"])
    assert asked != known


def test_two_nobodies_are_two_rivals():
    gallery = np.array([[1.0, 0.1], [1.0, 0.2], [1.0, 0.9]])
    ranks = measure(compare([[1.0, 0.0]], gallery, ["a"], [None, None, "a"]), (0.1,)).ranks
    assert ranks.rank.tolist() == [3]


def test_an_unknown_subject_keeps_its_weight_in_every_resample():
    bootstrap = VerificationBootstrap([0.9, 0.8, 0.1], [None, "a", "a"], [None, "a", "b"])
    for draw, curve in zip(bootstrap.times, bootstrap.curves(), strict=True):
        assert curve.genuine == draw[0]
        assert curve.impostor == 1 + draw[0] * draw[1]


@pytest.mark.parametrize(
    ("scores", "probes", "gallery"),
    [
        (np.ones((2, 3)), ["a", "b", "c"], ["a", "b", "c"]),
        (np.ones((2, 3)), ["a", "b"], ["a", "b"]),
        (np.ones(3), ["a", "b", "c"], ["a", "b"]),
        (np.ones((1, 1, 1)), ["a"], ["b"]),
    ],
)
def test_subjects_of_other_scores_are_refused(scores, probes, gallery):
    with pytest.raises(ValueError, match=r"scores \(.*\) are not those of \d probes"):
        VerificationBootstrap(scores, probes, gallery)


@pytest.mark.parametrize("interval", [mean_interval, median_interval])
def test_intervals_refuse_text_beside_numbers_and_draw_each_nobody_alone(interval):
    values = np.arange(8.0)
    with pytest.raises(ValueError, match="subjects: expected text on both sides or numbers"):
        interval(values, np.array(["a", 1] * 4, object))
    alone = interval(values, [None, "", "c", "d", None, float("nan"), "g", "h"])
    low, high = interval(values, np.arange(8))
    assert alone[0] < 3.5 < alone[1]
    assert high - low == pytest.approx(alone[1] - alone[0], rel=0.2)
    assert interval(values, [None, *"aaaaaaa"]) is not None


def test_so_many_subjects_that_they_are_not_drawn_have_the_same_interval(monkeypatch):
    rng = np.random.default_rng(1)
    subjects = rng.integers(0, 900, 4000)
    values = rng.random(900)[subjects] + rng.random(4000)
    drawn = mean_interval(values, subjects)
    monkeypatch.setattr(bootstrap, "MOST_DRAWN", 100)
    assert mean_interval(values, subjects) == pytest.approx(drawn, abs=0.005)


def tables(subjects):
    rows = [(None, f"t{n}", s, f"t{n}", f"t{n}", None) for n, s in enumerate(subjects)]
    return template_table(rows)


@pytest.mark.parametrize("nobody", [None, ""])
def test_an_empty_subject_of_a_protocol_is_nobodys_mate(nobody):
    enroll, probe = tables(["a", nobody, nobody]), tables([nobody, "a", "b"])
    protocol = Protocol(
        "p", Provenance.DERIVED, "", enroll, probe, None, train_table(), kind=Kind.OPEN_SET
    )
    known, asked = sides_of(protocol, FACES_BY_NAME, FACES_BY_NAME)
    assert sorted(known.subjects.tolist()) == [NOBODY, NOBODY, 0]
    assert sorted(asked.subjects.tolist()) == [NOBODY, 0, 1]
    assert chance_rank1(protocol) == pytest.approx(1 / 3)
    assert chance_rank1(replace(protocol, kind=Kind.DISTRACTORS)) == pytest.approx(1 / 3)


def test_subjects_of_all_folds_are_numbered_alike():
    """Else the first subjects of two folds were one person, and drawn together."""
    rows = [(n // 2 + 1, f"t{n}", f"s{n}", f"t{n}", None, None) for n in range(4)]
    whole = template_table(rows)
    protocol = Protocol("p", Provenance.DERIVED, "", whole, whole, None, train_table())
    numbers = [
        sides_of(protocol.fold(n), FACES_BY_NAME, FACES_BY_NAME, numbered_as=protocol)[0].subjects
        for n in (1, 2)
    ]
    assert np.concatenate(numbers).tolist() == [0, 1, 2, 3]


def test_pairs_of_nobody_are_drawn_pair_by_pair():
    """A pack's interval is that of the same pairs with a subject of its own for each side."""
    rng = np.random.default_rng(3)
    same = np.arange(60) % 2 == 0
    scores = (rng.normal(size=60) + same).astype(np.float32)
    nobody = np.full(60, NOBODY)
    pairs = ScoredPairs(1, scores, same, nobody, nobody, np.zeros(120, bool), np.full(120, NOBODY))
    left = 2 * np.arange(60)
    named_pairs = replace(pairs, gallery_subjects=left, probe_subjects=left + ~same)
    found, expected = (measure_pairs([each]).metrics for each in (pairs, named_pairs))
    assert found["eer"] == expected["eer"]
    assert found["eer"]["ci95"][0] < found["eer"]["value"] < found["eer"]["ci95"][1]
    assert found["tar_at_far"] == expected["tar_at_far"]
    wilson = 1.959964**2 / (120 + 1.959964**2)  # each of 120 templates is a subject of its own
    assert found["failure_to_enrol"]["ci95"] == pytest.approx([0.0, wilson], abs=1e-4)


def test_band_templates_of_nobody_are_refused():
    table = tables(["a", None])
    protocol = Protocol("VIS-NIR", Provenance.DERIVED, "", table, table, None, train_table())
    with pytest.raises(StageError, match=r"VIS-NIR: 1 rows of .* have no subject"):
        filmed_in_bands([protocol])
