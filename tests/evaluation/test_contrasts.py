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


def outcomes_of(**found):
    """One training's outcomes: for each person the probes that found them, as 1 and 0."""
    return {
        (1, f"{who}{place}"): (who, hit == "1")
        for who, hits in found.items()
        for place, hit in enumerate(hits)
    }


def test_each_person_counts_the_same_however_many_probes_they_have():
    first, second = outcomes_of(a="1111", b="0"), outcomes_of(a="1000", b="1")
    assert rates_by_person([first, second], ["a", "b"]).tolist() == [[1.0, 0.0], [0.25, 1.0]]
    found = contrast_of_outcomes([first], [second])
    assert found.rates == (0.5, 0.625)  # pooled over probes it would be 0.8 and 0.4
    assert found.difference == -0.125
    assert (found.people, found.seeds) == (2, 1)


def test_of_one_seed_the_people_alone_are_held_against_students_t():
    found = contrast_of_rates(np.array([[1.0, 0.5]]), np.array([[0.0, 0.5]]))
    assert (found.difference, found.error, found.degrees) == (0.5, 0.5, 1.0)
    # t is 1, of one degree of freedom: a Cauchy variable lies beyond 1 in half of all cases
    assert found.p_value == pytest.approx(0.5)
    assert found.interval == pytest.approx((0.5 - 0.5 * 12.7062, 0.5 + 0.5 * 12.7062), rel=1e-5)
    apart = np.random.default_rng(3).normal(0.1, 0.4, 40)
    found, plain = contrast_of_rates(apart[None], np.zeros((1, 40))), stats.ttest_1samp(apart, 0)
    assert found.p_value == pytest.approx(plain.pvalue)
    assert found.interval == pytest.approx(tuple(plain.confidence_interval()))
    assert decided([found])[0].verdict == "undecided"  # whatever p is: another seed may be another


def test_where_people_are_alike_three_seeds_are_three_values():
    apart = np.array([0.01, 0.03, 0.002])
    found = contrast_of_rates(np.tile(apart[:, None], 50), np.zeros((3, 50)))
    plain = stats.ttest_1samp(apart, 0)
    assert found.degrees == pytest.approx(2)
    assert found.p_value == pytest.approx(plain.pvalue)  # 0.23; drawing the seeds gave 0.0002
    assert found.interval == pytest.approx(tuple(plain.confidence_interval()))


def test_parts_of_people_and_seeds_add_and_so_do_their_degrees_by_satterthwaite():
    seeds = np.array([-1.0, 0.0, 1.0]) * np.sqrt(3e-4)  # variance 3e-4: 1e-4 of the mean
    people = np.where(np.arange(100) % 2, 1, -1) * np.sqrt(0.99e-2)  # variance 1e-2: 1e-4
    found = contrast_of_rates(0.05 + seeds[:, None] + people, np.zeros((3, 100)))
    assert found.difference == pytest.approx(0.05)
    assert found.error == pytest.approx(np.sqrt(2e-4))
    assert found.degrees == pytest.approx(4 / (1 / 99 + 1 / 2))


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_of_rows_that_are_alike_one_in_twenty_studies_says_otherwise(ratio):
    rng, people = np.random.default_rng(5), 60
    values = [
        contrast_of_rates(
            rng.normal(0, ratio * np.sqrt(3 / people), (3, 1)) + rng.normal(0, 1, people),
            np.zeros((3, people)),
        ).p_value
        for _ in range(3000)
    ]
    assert 0.035 < np.mean(np.array(values) < 0.05) < 0.07


def test_rows_that_are_equal_differ_by_nothing():
    same = [outcomes_of(a="10", b="01")] * 3
    found = contrast_of_outcomes(same, same)
    assert (found.difference, found.error, found.p_value) == (0.0, 0.0, 1.0)
    assert decided([found])[0].verdict == "undecided"


def test_other_probes_or_seeds_are_refused():
    with pytest.raises(StageError, match="same seeds and probes"):
        contrast_of_outcomes([outcomes_of(a="1", b="1")], [outcomes_of(a="11", b="1")])
    with pytest.raises(StageError, match="same seeds and probes"):
        contrast_of_outcomes([outcomes_of(a="1", b="1")] * 2, [outcomes_of(a="1", b="1")])
    with pytest.raises(StageError, match="1 people were tested"):
        contrast_of_outcomes([outcomes_of(a="1")], [outcomes_of(a="1")])


def test_holm_by_hand():
    # in order 0.01, 0.02, 0.03, 0.5: times 4, 3, 2, 1, and never below the one before
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def contrast(difference, p_value, error=0.02):
    bounds = difference - 0.04, difference + 0.04
    return Contrast((0.5 + difference, 0.5), difference, bounds, error, 8.0, p_value, 60, 3)


def test_verdicts_follow_side_and_corrected_p():
    found = decided([contrast(0.1, 0.001), contrast(-0.1, 0.002), contrast(0.05, 0.03)])
    assert [each.verdict for each in found] == ["shown", "refuted", "shown"]
    found = decided([contrast(0.1, 0.03), contrast(0.1, 0.04)])
    assert [each.verdict for each in found] == ["undecided"] * 2
    assert found[0].adjusted_p == 0.06


def test_power_is_the_share_of_simulated_studies_that_decide():
    rng, error, degrees, level = np.random.default_rng(0), 0.02, 8.0, 0.05 / 7
    apart = stats.t.rvs(degrees, loc=0.1 / error, size=100_000, random_state=rng)
    share = np.mean(2 * stats.t.sf(np.abs(apart), degrees) < level)
    assert power_of(error, degrees, 0.1, level) == pytest.approx(share, abs=0.005)
    assert power_of(error, degrees, 0.0, level) == pytest.approx(level)
    least = least_decided(error, degrees, 0.8, level)
    assert power_of(error, degrees, least, level) == pytest.approx(0.8, abs=1e-4)
    assert power_of(error, 1e9, 0.05, 0.05) == pytest.approx(0.7054, abs=1e-4)  # normal: 1.96
    assert power_of(0.0, degrees, 0.05, level) == 1.0
    assert least_decided(0.0, degrees, 0.8, level) == 0.0


def test_a_measure_by_draws_has_its_people_from_them_and_its_seeds_from_the_values():
    """One row lies 0.2 above in one seed and 0.1 in the other, in every draw of people."""
    shared = np.random.default_rng(1).random((2, 1000))
    better = shared + np.array([[0.2], [0.1]])
    values = np.array([0.8, 0.7]), np.array([0.6, 0.6])
    found = contrast_of_draws(values, (better, shared), 30)
    assert found.difference == pytest.approx(0.15)
    assert (found.error, found.degrees) == (pytest.approx(0.05), pytest.approx(1))
    people = np.random.default_rng(2).normal(0, 0.03, 1000)
    found = contrast_of_draws(values, (shared + people, shared), 30)
    of_people = np.var(people, ddof=1)
    assert found.error == pytest.approx(np.sqrt(of_people + 0.05**2))
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
