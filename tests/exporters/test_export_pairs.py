"""Pairs for verification are different ones, of the subjects they say, however rare some are."""

from collections import Counter
from itertools import combinations

import pytest

from pipeline.errors import ExportError
from pipeline.exporters.pairs import draw_pairs

MANY_AND_FEW = [*["many"] * 24, *[f"few {number}" for number in range(30) for _ in range(2)]]
"""276 genuine pairs of one subject, 30 of the others: by subject the former are drawn rarely."""


def parts(subjects, count, seed=3):
    drawn = draw_pairs(subjects, count, seed)
    assert draw_pairs(subjects, count, seed) == drawn
    assert [same for _, _, same in drawn] == [True, False] * (count // 2)
    assert all(a < b and (subjects[a] == subjects[b]) == same for a, b, same in drawn)
    assert len(set(drawn)) == count
    return drawn[::2], drawn[1::2]


def test_all_genuine_pairs_are_found_where_one_subject_has_most_of_them():
    genuine, _ = parts(MANY_AND_FEW, 2 * 306)
    there = combinations(range(len(MANY_AND_FEW)), 2)
    assert {(a, b) for a, b, _ in genuine} == {
        (a, b) for a, b in there if MANY_AND_FEW[a] == MANY_AND_FEW[b]
    }


def test_all_impostor_pairs_are_found_where_they_are_rare():
    subjects = [*["one"] * 60, "another", *["one"] * 60]
    _, impostors = parts(subjects, 240)
    assert {(a, b) for a, b, _ in impostors} == {(min(a, 60), max(a, 60)) for a in range(121)} - {
        (60, 60)
    }


def test_rare_pairs_are_drawn_evenly_where_not_all_are_wanted(monkeypatch):
    monkeypatch.setattr("pipeline.exporters.pairs._PATIENCE", 0)
    subjects = ["a", "a", "b", "b", "b", "c"]  # genuine: a once, b three times; 11 impostor pairs
    found = Counter(
        pair for seed in range(900) for part in parts(subjects, 2, seed) for pair in part
    )
    assert {pair[:2] for pair in found if pair[2]} == {(0, 1), (2, 3), (2, 4), (3, 4)}
    assert all(count == pytest.approx(225, rel=0.25) for pair, count in found.items() if pair[2])
    assert len([pair for pair in found if not pair[2]]) == 11
    assert all(count == pytest.approx(82, rel=0.4) for pair, count in found.items() if not pair[2])


def test_more_pairs_than_there_are_is_told():
    with pytest.raises(ExportError, match="there are 306 genuine and "):
        draw_pairs(MANY_AND_FEW, 2 * 307, 0)
