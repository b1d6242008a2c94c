"""Subjects as numbers: one sort of names, and nobody."""

import numpy as np
import pytest

from pipeline.evaluation.bootstrap import VerificationBootstrap
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.measures import measure
from pipeline.evaluation.subjects import NOBODY, codes_of

FACES = np.eye(4)


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
    for draw, curve in zip(bootstrap._draws, bootstrap.curves(), strict=True):
        assert curve.genuine == draw[0]
        assert curve.impostor == 1 + draw[0] * draw[1]
