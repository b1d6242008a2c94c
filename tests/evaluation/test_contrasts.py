"""Contrasts of rows with several seeds: by hand, and against a few independent lines."""

import numpy as np
import pytest
from scipy import stats

from pipeline.errors import StageError
from pipeline.evaluation.contrasts import (
    Contrast,
    contrast_of_draws,
    contrast_of_outcomes,
    contrast_of_rates,
    decided,
    holm,
    least_decided,
    power_of,
    rates_by_person,
)


def trial(**found):
    """One training's outcomes: for each person the probes that found them, as 1 and 0."""
    return {
        (1, f"{who}{place}"): (who, hit == "1")
        for who, hits in found.items()
        for place, hit in enumerate(hits)
    }


def test_each_person_counts_the_same_however_many_probes_they_have():
    first, second = trial(a="1111", b="0"), trial(a="1000", b="1")
    assert rates_by_person([first, second], ["a", "b"]).tolist() == [[1.0, 0.0], [0.25, 1.0]]
    found = contrast_of_outcomes([first], [second])
    assert found.rates == (0.5, 0.625)  # pooled over probes it would be 0.8 and 0.4
    assert found.difference == -0.125
    assert (found.people, found.seeds) == (2, 1)


def test_with_two_people_all_resamples_are_known():
    """Differences 1 and 0: the mean is 0, 1/2 or 1 with chances 1/4, 1/2 and 1/4."""
    found = contrast_of_rates(np.array([[1.0, 0.5]]), np.array([[0.0, 0.5]]))
    assert found.interval == (0.0, 1.0)
    assert found.error == pytest.approx(np.sqrt(1 / 8), rel=0.02)
    assert found.p_value == pytest.approx(0.5, abs=0.03)  # twice the share at or below 0


def test_error_and_interval_are_those_of_plain_loops_over_people_and_seeds():
    rng = np.random.default_rng(3)
    one, other = rng.random((3, 40)), rng.random((3, 40)) - 0.1
    found = contrast_of_rates(one, other)
    means = []
    for _ in range(4000):
        seeds, people = rng.integers(0, 3, 3), rng.integers(0, 40, 40)
        means.append((one - other)[seeds][:, people].mean())
    assert found.error == pytest.approx(np.std(means, ddof=1), rel=0.05)
    np.testing.assert_allclose(found.interval, np.percentile(means, [2.5, 97.5]), atol=0.015)
    plain = stats.bootstrap(
        ((one - other).mean(axis=0),), np.mean, method="percentile", random_state=1
    )
    alike = contrast_of_rates(one.mean(axis=0)[None], other.mean(axis=0)[None])
    np.testing.assert_allclose(alike.interval, plain.confidence_interval, atol=0.01)


def test_rows_that_are_equal_differ_by_nothing():
    same = [trial(a="10", b="01")] * 3
    found = contrast_of_outcomes(same, same)
    assert (found.difference, found.error, found.p_value) == (0.0, 0.0, 1.0)
    assert decided([found])[0].verdict == "undecided"


def test_other_probes_or_seeds_are_refused():
    with pytest.raises(StageError, match="same seeds and probes"):
        contrast_of_outcomes([trial(a="1", b="1")], [trial(a="11", b="1")])
    with pytest.raises(StageError, match="same seeds and probes"):
        contrast_of_outcomes([trial(a="1", b="1")] * 2, [trial(a="1", b="1")])
    with pytest.raises(StageError, match="1 people were tested"):
        contrast_of_outcomes([trial(a="1")], [trial(a="1")])


def test_holm_by_hand():
    # in order 0.01, 0.02, 0.03, 0.5: times 4, 3, 2, 1, and never below the one before
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def contrast(difference, p_value, error=0.02):
    bounds = difference - 0.04, difference + 0.04
    return Contrast((0.5 + difference, 0.5), difference, bounds, error, p_value, 60, 3)


def test_verdicts_follow_side_and_corrected_p():
    found = decided([contrast(0.1, 0.001), contrast(-0.1, 0.002), contrast(0.05, 0.03)])
    assert [each.verdict for each in found] == ["shown", "refuted", "shown"]
    found = decided([contrast(0.1, 0.03), contrast(0.1, 0.04)])
    assert [each.verdict for each in found] == ["undecided"] * 2
    assert found[0].adjusted_p == 0.06


def test_power_is_the_share_of_simulated_studies_that_decide():
    rng, error, level = np.random.default_rng(0), 0.02, 0.05 / 7
    found = rng.normal(0.05, error, 100_000) / error
    share = np.mean(2 * stats.norm.sf(np.abs(found)) < level)
    assert power_of(error, 0.05, level) == pytest.approx(share, abs=0.005)
    assert power_of(error, 0.0, level) == pytest.approx(level)
    least = least_decided(error, 0.8, level)
    assert power_of(error, least, level) == pytest.approx(0.8, abs=1e-6)
    assert power_of(0.0, 0.05, level) == 1.0


def test_draws_of_a_rate_are_paired_and_seeds_are_drawn():
    """One row lies 0.2 above in one seed and 0.1 in the other, in every draw of people."""
    shared = np.random.default_rng(1).random((2, 1000))
    better = shared + np.array([[0.2], [0.1]])
    values = np.array([0.8, 0.7]), np.array([0.6, 0.6])
    found = contrast_of_draws(values, (better, shared), 30)
    assert found.difference == pytest.approx(0.15)
    assert found.interval == pytest.approx((0.1, 0.2))
    assert found.error == pytest.approx(0.05 / np.sqrt(2), rel=0.1)
    assert contrast_of_draws((values[0], np.array([np.nan, 0.5])), (better, shared), 30) is None


@pytest.mark.parametrize(("missing", "is_told"), [(0.4, True), (0.6, False)])
def test_a_contrast_of_which_most_draws_have_no_number_is_none(missing, is_told):
    worse = np.random.default_rng(1).random((1, 1000))
    better = worse + 0.2
    better[:, : int(1000 * missing)] = np.nan
    found = contrast_of_draws((np.array([0.8]), np.array([0.6])), (better, worse), 30)
    assert (found is not None) == is_told
    if found is not None:
        assert found.difference == pytest.approx(0.2)
        assert found.interval == pytest.approx((0.2, 0.2))
