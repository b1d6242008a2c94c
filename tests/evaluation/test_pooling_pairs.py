"""Templates, pairs by folds, and intervals."""

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.bootstrap import (
    RESAMPLES,
    VerificationBootstrap,
    mean_interval,
    median_interval,
    share_interval,
    wilson_interval,
)
from pipeline.evaluation.curve import curve_of_scores, eer
from pipeline.evaluation.listed_pairs import fold_accuracy
from pipeline.evaluation.pooling import pool_templates
from pipeline.evaluation.rates import fold_interval

EMBEDDINGS = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [3.0, 4.0]]
TEMPLATES, MEDIA = ["a", "a", "a", "b"], ["video", "video", "photo", "photo"]


def test_the_frames_of_a_video_weigh_as_much_as_a_photograph():
    pooled, names = pool_templates(EMBEDDINGS, TEMPLATES, MEDIA)
    assert names.tolist() == ["a", "b"]
    assert pooled == pytest.approx(np.array([[0.5**0.5, 0.5**0.5], [0.6, 0.8]]))


def test_photographs_weigh_alike():
    mean, _ = pool_templates(EMBEDDINGS, TEMPLATES, ["one", "two", "three", "one"])
    assert mean[0] == pytest.approx(np.array([2, 1]) / 5**0.5)


def test_order_does_not_matter_and_length_is_one():
    rng = np.random.default_rng(0)
    values, ids, media = rng.normal(size=(50, 5)), rng.integers(0, 7, 50), rng.integers(0, 9, 50)
    shuffled = rng.permutation(50)
    pooled, names = pool_templates(values, ids, media)
    again, _ = pool_templates(values[shuffled], ids[shuffled], media[shuffled])
    assert again == pytest.approx(pooled, abs=1e-6)
    assert np.linalg.norm(pooled, axis=1) == pytest.approx(np.ones(len(names)))


def test_an_interval_over_folds_is_students_and_ends_at_one():
    folds = np.array([0.9, 0.95, 1.0, 0.97])
    low, high = stats.t.interval(0.95, 3, folds.mean(), stats.sem(folds))
    assert high > 1
    assert fold_interval(folds) == (pytest.approx(low), 1.0)
    assert fold_interval(1 - folds) == (0.0, pytest.approx(1 - low))


def test_bad_templates_are_refused():
    with pytest.raises(ValueError, match="expected"):
        pool_templates(EMBEDDINGS, TEMPLATES[:2], MEDIA)
    with pytest.raises(ValueError, match="zero or not finite"):
        pool_templates([[1.0, 0.0], [-1.0, 0.0]], ["a", "a"], ["x", "y"])


def test_each_fold_is_judged_at_the_threshold_of_the_others():
    # Fold 0 alone would choose a threshold of 0.5, fold 1 one of 0.25.
    scores = [0.9, 0.6, 0.4, 0.1, 0.9, 0.3, 0.2, 0.1]
    same = [True, True, False, False, True, True, False, False]
    result = fold_accuracy(scores, same, [0] * 4 + [1] * 4)
    assert result.thresholds == pytest.approx([0.25, 0.5])
    assert result.accuracy.tolist() == [0.75, 0.75]


def test_the_threshold_is_the_best_one_by_brute_force():
    rng = np.random.default_rng(5)
    same = rng.random(400) < 0.5
    scores = np.round(rng.normal(same * 1.0, 1.0), 1)
    folds = np.arange(400) % 10
    result = fold_accuracy(scores, same, folds)
    for fold in range(10):
        train, test = folds != fold, folds == fold
        tried = np.r_[scores.min() - 1, np.unique(scores) + 0.05]
        rates = [np.mean((scores[train] > t) == same[train]) for t in tried]
        at_ours = np.mean((scores[train] > result.thresholds[fold]) == same[train])
        assert at_ours == max(rates)
        held_out = np.mean((scores[test] > result.thresholds[fold]) == same[test])
        assert result.accuracy[fold] == held_out


@pytest.mark.parametrize(
    ("scores", "folds", "message"),
    [
        ([0.1, np.nan], [0, 1], "finite"),
        ([0.1, 0.2], [0, 0], "at least two"),
        ([0.1], [0, 1], "expected"),
    ],
)
def test_bad_pairs_are_refused(scores, folds, message):
    with pytest.raises(ValueError, match=message):
        fold_accuracy(scores, [True, False], folds)


def test_intervals_resample_subjects_and_not_images():
    # Four subjects of 100 equal images each: as uncertain as four numbers.
    values, subjects = np.repeat([0.0, 0.0, 1.0, 1.0], 100), np.repeat(list("abcd"), 100)
    low, high = mean_interval(values, subjects)
    assert (low, high) == (0.0, 1.0)
    narrow = mean_interval(values, np.arange(400))
    assert narrow[1] - narrow[0] < 0.11


def by_its_definition(values, subjects, statistic, seed):
    """Resample whole subjects, all their measurements together; numpy's own percentiles."""
    people = [values[subjects == each] for each in np.unique(subjects)]
    people = [known for each in people if len(known := each[np.isfinite(each)])]
    drawn = np.random.default_rng(seed).integers(0, len(people), (RESAMPLES, len(people)))
    found = [statistic(np.concatenate([people[n] for n in draw])) for draw in drawn]
    return tuple(np.percentile(found, [2.5, 97.5]))


def test_the_quick_mean_and_median_are_the_slow_ones():
    rng = np.random.default_rng(1)
    values, subjects = rng.normal(size=200), rng.integers(0, 12, 200)
    values[3] = np.nan
    slow = by_its_definition(values, subjects, np.mean, 4)
    assert mean_interval(values, subjects, seed=4) == pytest.approx(slow)
    for some in (values, values.round(1), values[:7]):  # odd, with ties, with few
        owners = subjects[: len(some)]
        median = by_its_definition(some, owners, np.median, 4)
        assert median_interval(some, owners, seed=4) == median
    assert slow[0] < np.nanmean(values) < slow[1]


def test_the_interval_of_a_mean_covers_it_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        values = np.repeat(rng.normal(size=40), 3) + 0.1 * rng.normal(size=120)
        low, high = mean_interval(values, np.repeat(np.arange(40), 3), resamples=300)
        hits += low <= 0.0 <= high
    assert 180 <= hits <= 200


def test_one_subject_gives_no_interval():
    assert mean_interval([1.0, 2.0], ["a", "a"]) is None
    assert median_interval([], []) is None
    with pytest.raises(ValueError, match="twice"):
        mean_interval([1.0], ["a", "b"])


def test_verification_intervals_hold_the_estimate_and_a_resample_equals_repeated_subjects():
    rng = np.random.default_rng(3)
    who, known = np.repeat(np.arange(15), 4), np.arange(15)
    scores = rng.normal(size=(60, 15)) + 1.5 * (who[:, None] == known)
    same = who[:, None] == known
    estimate = eer(curve_of_scores(scores[same], scores[~same]))
    bootstrap = VerificationBootstrap(scores, who, known, resamples=200)
    errors, (rates,) = bootstrap.intervals([0.1])
    assert errors[0] < estimate < errors[1]
    assert rates[0] < rates[1]
    assert bootstrap.eer_interval() == errors
    draw = bootstrap.times[0][:15]  # beyond them stand two nobodies
    genuine = np.repeat(scores[same], draw[who])
    impostor = np.repeat(scores[~same], np.outer(draw[who], draw)[~same])
    plain = curve_of_scores(genuine, impostor)
    assert eer(next(bootstrap.curves())) == pytest.approx(eer(plain), abs=1e-12)
    assert [bootstrap._eer(times) for times in bootstrap.times] == [
        eer(curve) for curve in bootstrap.curves()
    ]


def test_comparisons_left_out_do_not_count():
    scores, left_out = np.array([[9.0, 0.0], [0.0, 1.0]]), np.array([[True, False], [False, False]])
    bootstrap = VerificationBootstrap(scores, ["a", "b"], ["a", "b"], left_out=left_out)
    assert max(curve.thresholds[1] for curve in bootstrap.curves()) == 1.0


@pytest.mark.parametrize(
    ("hits", "count", "bounds"),
    [  # R. Newcombe, Statistics in Medicine 17, 1998, table I, method 3
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilsons_interval_is_that_of_the_table(hits, count, bounds):
    assert wilson_interval(hits / count, count) == pytest.approx(bounds, abs=5e-5)
    low, high = wilson_interval(1 - hits / count, count)
    assert (1 - high, 1 - low) == pytest.approx(bounds, abs=5e-5)


def test_a_share_that_all_subjects_have_or_none_is_as_certain_as_there_are_subjects():
    """15 of 15 subjects of three images: 15 / (15 + 1.96²), whatever the images."""
    who = np.repeat(np.arange(15), 3)
    assert share_interval(np.ones(45), who) == pytest.approx((0.7961, 1.0), abs=5e-5)
    assert share_interval(np.zeros(45, bool), who) == pytest.approx((0.0, 0.2039), abs=5e-5)
    assert share_interval(np.ones(3), np.zeros(3)) is None
    assert share_interval(np.r_[np.ones(45), np.nan], np.r_[who, 15])[0] < 0.8
    some = np.arange(45) % 5 != 0
    assert share_interval(some, who) == mean_interval(some, who)


def test_failures_to_enrol_are_drawn_with_their_people():
    """Three of a's four pairs failed, none of b's; TAR of a draw, by hand, is over all tried."""
    scores, who, known = np.array([[0.9, 0.1], [0.2, 0.8]]), ["a", "b"], ["a", "b"]
    tried = ["a"] * 4 + ["b", "c"]  # c failed wholly
    bootstrap = VerificationBootstrap(scores, who, known, tried=tried, resamples=50)
    _, (rates,) = bootstrap.draws([0.5])
    for (a, b, c), rate in zip(bootstrap.times[:, :3], rates, strict=True):
        if a and b:  # else there are no impostors
            assert rate == pytest.approx((a + b) / (4 * a + b + c))
    assert np.isfinite(rates).any()
