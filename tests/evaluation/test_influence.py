"""Intervals without resampling, against those by resampling and against slow counts."""

import numpy as np
import pyarrow as pa
import pytest
from threadpoolctl import threadpool_limits

from pipeline.evaluation import closed_set, listed_pairs
from pipeline.evaluation.bootstrap import VerificationBootstrap
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.curve import curve_of_scores, eer
from pipeline.evaluation.influence import (
    eer_interval,
    eer_threshold,
    matrix_shares,
    rate_interval,
    shares_of,
)
from pipeline.evaluation.recognition import recognise
from pipeline.evaluation.templates import Side


@pytest.fixture
def people():
    """60 subjects, 5 probes and 2 entries each, who differ in how well they are recognised."""
    rng = np.random.default_rng(0)
    centres, spread = rng.normal(size=(60, 12)), rng.uniform(0.5, 1.6, 60)
    asked, known = np.repeat(np.arange(60), 5), np.repeat(np.arange(60), 2)
    sides = [
        centres[who] + spread[who, None] * rng.normal(size=(len(who), 12)) for who in (asked, known)
    ]
    return *sides, asked, known


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_shares_are_those_of_the_full_matrix(people):
    probes, gallery, asked, known = people
    scores, same = unit(probes) @ unit(gallery).T, asked[:, None] == known
    comparison = compare(probes, gallery, asked, known)
    impostor, genuine = matrix_shares(comparison, 0.3, asked, known, 60)
    for subject in range(60):
        mine = ((asked == subject)[:, None] | (known == subject)) & ~same
        assert impostor.taken[subject] == mine.sum()
        assert impostor.counted[subject] == (scores >= 0.3)[mine].sum()
        own = same & (asked == subject)[:, None]
        assert genuine.taken[subject] == own.sum()
        assert genuine.counted[subject] == (scores < 0.3)[own].sum()
    assert (impostor.total, genuine.total) == ((~same).sum(), same.sum())


@pytest.mark.parametrize("most_sorted", [0, closed_set.MOST_SORTED])
def test_intervals_are_the_same_on_any_number_of_cores(monkeypatch, most_sorted):
    monkeypatch.setattr(closed_set, "MOST_SORTED", most_sorted)
    rng = np.random.default_rng(38)
    centres = rng.normal(size=(20, 128))

    def side(count):  # of a network whose embeddings all point nearly the same way
        who = np.sort(rng.integers(0, 20, count))
        vectors = unit(centres[who] + rng.normal(size=(count, 128)) + 1000.0).astype(np.float32)
        ids = pa.array([str(number) for number in range(count)])
        return Side(ids, who, np.full(count, -1), np.ones(count, bool), vectors)

    sides = side(170), side(230)
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, "blas"):
            found.append(closed_set.measure_closed_set(*sides).metrics)
    assert found[0]["eer"]["ci95"] is not None
    assert found[0] == found[1] == found[2]


def test_the_interval_of_the_eer_is_about_that_by_resampling(people):
    probes, gallery, asked, known = people
    scores, same = unit(probes) @ unit(gallery).T, asked[:, None] == known
    curve = curve_of_scores(scores[same], scores[~same])
    accepted = scores >= eer_threshold(curve)
    rows, columns = np.nonzero(~same)
    low, high = eer_interval(
        curve,
        shares_of(accepted[~same], asked[rows], known[columns], 60),
        shares_of(~accepted[same], asked[np.nonzero(same)[0]], None, 60),
    )
    slow = VerificationBootstrap(scores, asked, known, resamples=1000).eer_interval()
    assert low < eer(curve) < high
    assert high - low == pytest.approx(slow[1] - slow[0], rel=0.2)
    assert (low, high) == pytest.approx(slow, abs=0.2 * (slow[1] - slow[0]))


@pytest.mark.parametrize("spreads", [(0.4, 0.1), (0.1, 0.4)])
def test_the_interval_of_the_eer_weighs_each_rate_by_the_slope_of_the_other(spreads):
    """Genuine scores spread four times as far as impostors', or the other way round.

    What a genuine score is differs from subject to subject, so the false rejects alone are
    uncertain: swapped slopes would make the interval four times too narrow, or too wide.
    """
    own, other = spreads
    rng = np.random.default_rng(4)
    asked, known = np.repeat(np.arange(40), 30), np.arange(40)
    same = asked[:, None] == known
    scores = other * rng.normal(size=same.shape)
    shifts = 0.7 * rng.normal(size=40)[asked] + 0.7 * rng.normal(size=len(asked))
    scores[same] = 0.5 * (own + other) + own * shifts
    curve = curve_of_scores(scores[same], scores[~same])
    accepted = scores >= eer_threshold(curve)
    rows, columns = np.nonzero(~same)
    low, high = eer_interval(
        curve,
        shares_of(accepted[~same], asked[rows], known[columns], 40),
        shares_of(~accepted[same], asked, None, 40),
    )
    slow = VerificationBootstrap(scores, asked, known, resamples=300).eer_interval()
    assert high - low == pytest.approx(slow[1] - slow[0], rel=0.3)
    assert (low, high) == pytest.approx(slow, abs=0.3 * (slow[1] - slow[0]))


def test_a_rate_of_one_subject_has_no_interval():
    alone = shares_of(np.array([True, False]), np.zeros(2, np.int64), None, 1)
    assert rate_interval(0.5, alone.influences(0.5)) is None


def test_huge_comparisons_have_intervals_too(tmp_path, official, embed, monkeypatch):
    """Of a small one that is taken for huge they are about the same."""
    from pipeline import testing

    testing.lamp_hq(tmp_path, subjects=80, each=4)
    fold = official("lamp_hq")["ten_folds"].fold(1)
    vectors = embed(fold, noise=2.0)
    exact = recognise(fold, vectors, vectors).metrics
    monkeypatch.setattr(closed_set, "MOST_SORTED", 0)
    quick = recognise(fold, vectors, vectors).metrics
    for rates in ((exact["eer"], quick["eer"]), *both_tars(exact, quick, "1e-1", "1e-2")):
        slow, fast = (np.array(each["ci95"]) for each in rates)
        assert rates[0]["value"] == rates[1]["value"]
        assert fast == pytest.approx(slow, abs=0.5 * (slow[1] - slow[0]))


def test_failures_to_enrol_are_drawn_with_their_people_in_huge_comparisons_too(monkeypatch, people):
    """A third of the people were never found as probes: their share moves with who is drawn."""
    probes, gallery, asked, known = people
    found = asked % 3 > 0

    def side(vectors, who, enrolled):
        ids = pa.array([str(number) for number in range(len(who))])
        cameras = np.full(len(who), -1)
        return Side(ids, who, cameras, enrolled, unit(vectors[enrolled]).astype(np.float32))

    sides = side(gallery, known, np.ones(len(known), bool)), side(probes, asked, found)
    exact = closed_set.measure_closed_set(*sides).metrics
    monkeypatch.setattr(closed_set, "MOST_SORTED", 0)
    quick = closed_set.measure_closed_set(*sides).metrics
    for slow, fast in both_tars(exact, quick, "1e-1", "1e-2"):
        width = slow["ci95"][1] - slow["ci95"][0]
        assert slow["value"] == fast["value"] < 2 / 3
        # were all found alike: 2 · 1.96 deviations of (2/3 of 60 people) / 60, times their rate
        alike = 2 * 1.959964 * np.sqrt(2 / 3 * 1 / 3 / 60) * slow["value"] / (2 / 3)
        assert width > 0.9 * alike
        assert fast["ci95"] == pytest.approx(slow["ci95"], abs=0.25 * width)


def both_tars(exact, quick, *names):
    return [(exact["tar_at_far"][name], quick["tar_at_far"][name]) for name in names]


def test_long_lists_have_an_interval_of_the_eer(tmp_path, official, embed, monkeypatch):
    from pipeline import testing

    testing.ijbc(tmp_path, subjects=240)
    protocol = official("ijbc")["verification"]
    vectors = embed(protocol, noise=2.0)
    exact = recognise(protocol, vectors, vectors).metrics["eer"]
    monkeypatch.setattr(listed_pairs, "LISTED_RESAMPLED", 0)
    quick = recognise(protocol, vectors, vectors).metrics["eer"]
    width = exact["ci95"][1] - exact["ci95"][0]
    assert quick["ci95"] == pytest.approx(exact["ci95"], abs=0.3 * width)
