"""Verification: hand-worked rates, scikit-learn's curves, and what has to hold for any scores."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

from pipeline.evaluation.curve import (
    curve_of_scores,
    eer,
    far_name,
    roc,
    tar_at_far,
)

# few distinct values, so that ties are common
SCORES = arrays(np.float64, st.integers(1, 40), elements=st.integers(-5, 5).map(float))


@given(SCORES, SCORES)
def test_the_curve_is_scikit_learns(genuine, impostor):
    labels = np.r_[np.ones(len(genuine)), np.zeros(len(impostor))]
    far, tar, thresholds = roc_curve(labels, np.r_[genuine, impostor], drop_intermediate=False)
    curve = curve_of_scores(genuine, impostor)
    assert np.array_equal(curve.far, far)
    assert np.array_equal(curve.tar, tar)
    assert np.array_equal(curve.thresholds, thresholds)


@given(SCORES, SCORES, st.sampled_from([0.05, 0.1, 0.5, 1.0]))
def test_the_achieved_far_never_exceeds_the_target_and_no_lower_threshold_would_do(g, i, far):
    point = tar_at_far(curve_of_scores(g, i), far)
    if point.tar is None:
        assert len(i) * far < 1
        assert "too few" in point.reason
        return
    assert point.achieved_far == np.mean(i >= point.threshold) <= far
    assert point.tar == np.mean(g >= point.threshold)
    lower = np.r_[g, i][np.r_[g, i] < point.threshold]
    if len(lower):
        assert np.mean(i >= lower.max()) > far


@given(SCORES, SCORES)
def test_the_equal_error_rate_is_where_the_joined_curve_crosses(genuine, impostor):
    curve = curve_of_scores(genuine, impostor)
    found = eer(curve)
    # along the curve, by its length: it may run straight up, where FAR tells nothing
    length = np.r_[0, np.cumsum(np.diff(curve.far) + np.diff(curve.tar))]
    gap = interp1d(length, curve.far + curve.tar - 1)
    at = brentq(gap, 0, length[-1], xtol=1e-14)
    assert found == pytest.approx(float(interp1d(length, curve.far)(at)), abs=1e-9)


def counted(genuine, impostor):
    """FAR and false reject rate at each threshold, score by score, in whole fractions."""
    rates = [(Fraction(0), Fraction(1))]
    for threshold in sorted({*genuine, *impostor}, reverse=True):
        accepted = sum(score >= threshold for score in impostor)
        refused = sum(score < threshold for score in genuine)
        rates.append((Fraction(accepted, len(impostor)), Fraction(refused, len(genuine))))
    return rates


@given(SCORES, SCORES)
def test_the_equal_error_rate_lies_between_both_rates_at_every_threshold(genuine, impostor):
    found = eer(curve_of_scores(genuine, impostor))
    for far, frr in counted(genuine, impostor):
        assert min(far, frr) - 1e-12 <= found <= max(far, frr) + 1e-12


@given(SCORES, SCORES)
def test_rates_that_are_equal_at_a_threshold_are_the_equal_error_rate(genuine, impostor):
    equal = [far for far, frr in counted(genuine, impostor) if far == frr]
    assert len(equal) <= 1
    if equal:
        assert eer(curve_of_scores(genuine, impostor)) == pytest.approx(float(equal[0]), abs=1e-12)


@given(SCORES, SCORES)
def test_the_equal_error_rate_of_scores_turned_round(genuine, impostor):
    """Distances in place of scores: what was right is wrong. Both turned: nothing changed."""
    found = eer(curve_of_scores(genuine, impostor))
    assert eer(curve_of_scores(-genuine, -impostor)) == pytest.approx(1.0 - found, abs=1e-12)
    assert eer(curve_of_scores(-impostor, -genuine)) == pytest.approx(found, abs=1e-12)


@given(SCORES, SCORES, st.integers(1, 4))
def test_the_equal_error_rate_asks_for_the_order_of_scores_alone(genuine, impostor, times):
    found = eer(curve_of_scores(genuine, impostor))
    stretched = (np.exp(np.repeat(side, times) / 3) for side in (genuine, impostor))
    assert eer(curve_of_scores(*stretched)) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize(
    ("genuine", "impostor", "wanted"),
    [
        ([1.0], [0.0], 0.0),
        ([0.0], [1.0], 1.0),
        ([0.5], [0.5], 0.5),  # one score for all: accepted together or refused together
        ([0.5] * 3, [0.5] * 7, 0.5),
        # FAR 0 and FRR 1/2 at 2; all tied at 1, so 1 and 0: the line meets at 1/3
        ([2.0, 1.0], [1.0, 1.0, 1.0], 1 / 3),
        # at 0.6 FAR 0, FRR 2/3; at 0.5 FAR 1/2, FRR 2/3; at 0.4 1/2, 1/3: upright at FAR 1/2
        ([0.6, 0.4, 0.1], [0.5, 0.2], 0.5),
    ],
)
def test_the_equal_error_rate_of_few_scores(genuine, impostor, wanted):
    assert eer(curve_of_scores(genuine, impostor)) == pytest.approx(wanted, abs=1e-15)


def test_worked_by_hand():
    curve = curve_of_scores([0.9, 0.8, 0.3], [0.85, 0.7, 0.6, 0.5, 0.4, 0.2, 0.2, 0.1, 0.1, 0.0])
    point = tar_at_far(curve, 0.1)  # one of ten impostors may pass
    assert (point.achieved_far, point.tar, point.threshold) == (0.1, 2 / 3, 0.8)
    # at 0.3: FAR 5/10, FRR 0; at 0.4: FAR 5/10 and FRR 1/3; at 0.6: FAR 3/10, FRR 1/3
    assert eer(curve) == pytest.approx(1 / 3)


def test_tied_impostors_are_refused_together():
    curve = curve_of_scores([1.0, 0.5], [0.5] * 5 + [0.0] * 5)
    point = tar_at_far(curve, 0.3)
    assert (point.achieved_far, point.tar, point.threshold) == (0.0, 0.5, 1.0)


def test_decimals_count_as_written():
    # 0.29 · 100 is 28.999… in binary
    point = tar_at_far(curve_of_scores([200.0], np.arange(100.0)), 0.29)
    assert point.achieved_far == 0.29


def test_too_few_comparisons_give_a_reason_and_no_number():
    curve = curve_of_scores([1.0], np.zeros(999))
    assert tar_at_far(curve, 1e-2).tar == 1.0
    assert tar_at_far(curve, 1e-3).tar is None
    assert tar_at_far(curve, 1e-3).reason == "too few impostor comparisons: 999 of at least 1000"
    assert tar_at_far(curve_of_scores([], np.zeros(10)), 0.1).reason == "no genuine comparisons"
    assert eer(curve_of_scores([], [1.0])) is None


@pytest.mark.parametrize("far", [0.0, -0.1, 1.5])
def test_a_rate_beyond_its_range_is_refused(far):
    with pytest.raises(ValueError, match="expected above 0 and at most 1"):
        tar_at_far(curve_of_scores([1.0], [0.0]), far)


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_refused(score):
    for sides in (([score], [0.0]), ([0.0], [1.0, score])):
        with pytest.raises(ValueError, match="failures to enrol"):
            curve_of_scores(*sides)


def test_the_drawn_curve_holds_points_of_the_whole_and_its_ends():
    rng = np.random.default_rng(0)
    curve = curve_of_scores(rng.normal(2, 1, 5000), rng.normal(0, 1, 20000))
    far, tar = roc(curve, 100)
    assert len(far) <= 101
    assert (far[0], far[-1], tar[-1]) == (0.0, 1.0, 1.0)
    whole = set(zip(curve.far, curve.tar, strict=True))
    assert whole.issuperset(zip(far, tar, strict=True))


def test_rates_have_the_names_of_the_metrics_files():
    assert [far_name(far) for far in (0.1, 0.001, 1e-6, 0.025)] == [
        "1e-1",
        "1e-3",
        "1e-6",
        "2.5e-2",
    ]
