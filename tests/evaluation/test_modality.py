"""The measures of the modality, by hand and by slow counting."""

import numpy as np
import pytest

from pipeline.evaluation import modality
from pipeline.evaluation.modality import (
    Probed,
    Similarities,
    auc_draws,
    cka,
    drawn_rate,
    effects,
    kid,
    probed,
    unit,
)


def test_auc_counts_pairs_and_ties_half():
    scores = np.array([0.1, 0.4, 0.4, 0.8])
    positive = np.array([False, True, False, True])
    # pairs of a positive and a negative: 0.4 > 0.1, 0.4 = 0.4, 0.8 > both
    found = auc_draws([Probed(scores, positive, ["a", "a", "b", "b"])])
    assert found[0] == pytest.approx((1 + 0.5 + 2) / 4)
    assert np.isnan(auc_draws([Probed(scores, np.ones(4, bool), ["a", "a", "b", "b"])])).all()


def test_a_draw_counts_the_pairs_of_a_subject_as_often_as_it_was_drawn():
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 9, 40).astype(float)
    positive, subjects = rng.random(40) < 0.5, rng.integers(0, 5, 40)
    found = auc_draws([Probed(scores, positive, [f"s{n}" for n in subjects])])
    draws = np.random.default_rng(0).integers(0, 5, (len(found) - 1, 5))
    for draw, value in zip(draws[:20], found[1:21], strict=True):
        times = np.bincount(draw, minlength=5)
        won = total = 0.0
        for i in np.flatnonzero(positive):
            for j in np.flatnonzero(~positive):
                own, other = subjects[i], subjects[j]
                weight = times[own] * times[other] * 5 / 4 if own != other else times[own]
                won += weight * ((scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]))
                total += weight
        assert value == pytest.approx(won / total)


def test_what_lies_close_within_subjects_has_its_value_inside_the_interval():
    """Copies that score as their sources: comparing a subject with its double shifts the draws."""
    rng = np.random.default_rng(5)
    people = 6
    sources = rng.normal(size=people).repeat(8)
    scores = np.concatenate([sources, sources + 0.3])
    subjects = [f"s{n}" for n in np.tile(np.arange(people).repeat(8), 2)]
    draws = auc_draws([Probed(scores, np.arange(len(scores)) >= len(sources), subjects)])
    found = drawn_rate(draws, people)
    assert found["ci95"][0] < found["value"] < found["ci95"][1]
    assert abs(draws[1:].mean() - draws[0]) < 0.01


def marked(people=12, each=6, shift=0.0, dimensions=16):
    """Features of people, half of them synthetic and moved along the first dimension."""
    random = np.random.default_rng(1)
    centres = random.normal(size=(people, dimensions))
    subjects = np.repeat(np.arange(people), each)
    features = centres[subjects] + 0.2 * random.normal(size=(people * each, dimensions))
    synthetic = np.tile(np.arange(each) % 2 == 1, people)
    features[synthetic, 0] += shift
    return features, synthetic, [f"s{n}" for n in subjects]


def test_a_fixed_mode_is_found_on_people_who_were_held_out_and_none_is_not():
    features, synthetic, subjects = marked(shift=4.0)
    draws = auc_draws([probed(unit(features), synthetic, subjects, folds=4, seed=1)])
    found = drawn_rate(draws, 12)
    assert found["value"] > 0.95
    assert found["n"] == 12
    assert found["ci95"][0] <= found["value"] <= found["ci95"][1]
    features, synthetic, subjects = marked()
    none = auc_draws([probed(unit(features), synthetic, subjects, folds=4, seed=1)])
    assert 0.3 < none[0] < 0.7
    assert drawn_rate(none - draws, 12)["ci95"][1] < 0


def test_a_probe_never_sees_the_subject_that_it_scores():
    """Where a subject's faces alone tell its kind, and each subject has one, nothing is learned."""
    features = np.eye(8)
    synthetic = np.arange(8) % 2 == 0
    scores = probed(features, synthetic, [f"s{n}" for n in range(8)], folds=8, seed=0).scores
    slow = []
    for held in range(8):
        known = np.delete(features, held, axis=0)
        target = np.where(np.delete(synthetic, held), 1.0, -1.0)
        mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-9
        x = (known - mean) / spread
        weight = np.linalg.solve(x.T @ x + 8 * np.eye(8), x.T @ (target - target.mean()))
        slow.append((features[held] - mean) / spread @ weight)
    assert scores == pytest.approx(np.array(slow))


@pytest.mark.parametrize("dimensions", [3, 40])
def test_a_probe_solves_the_ridge_regression_of_more_or_fewer_features_than_dimensions(dimensions):
    random = np.random.default_rng(2)
    features, positive = random.normal(size=(40, dimensions)), np.arange(40) % 3 == 0
    found = probed(features, positive, ["a"] * 20 + ["b"] * 20, folds=2, seed=0).scores
    for own, others in ((slice(0, 20), slice(20, 40)), (slice(20, 40), slice(0, 20))):
        mean, spread = features[others].mean(axis=0), features[others].std(axis=0)
        target = np.where(positive[others], 1.0, -1.0)
        rows = np.vstack([(features[others] - mean) / spread, dimensions**0.5 * np.eye(dimensions)])
        goal = np.concatenate([target - target.mean(), np.zeros(dimensions)])
        weights = np.linalg.lstsq(rows, goal, rcond=None)[0]
        expected = (features[own] - mean) / spread @ weights
        np.testing.assert_allclose(found[own], expected, atol=1e-6)


def test_one_subject_gives_no_number():
    alone = probed(np.eye(4), np.arange(4) % 2 == 0, ["s"] * 4, folds=3, seed=0)
    assert drawn_rate(auc_draws([alone]), 1)["value"] is None


def test_several_probes_are_averaged_over_the_same_draws():
    features, synthetic, subjects = marked(shift=0.7)
    one = probed(unit(features), synthetic, subjects, folds=4, seed=1)
    other = probed(unit(features[::-1]), synthetic[::-1], subjects[::-1], folds=3, seed=2)
    both = auc_draws([one, other])
    assert both == pytest.approx((auc_draws([one]) + auc_draws([other])) / 2)


def test_similarities_are_means_over_pairs():
    features, synthetic, subjects = marked(people=5, each=4, shift=1.0)
    features = unit(features)
    found = Similarities(features, subjects, synthetic)

    def slow(first, second, same):
        cosines = [
            features[i] @ features[j]
            for i in range(len(features))
            for j in range(len(features))
            if i != j
            and synthetic[i] in first
            and synthetic[j] in second
            and (subjects[i] == subjects[j]) == same
        ]
        return np.mean(cosines)

    both = (False, True)
    between = found.interclass()
    assert between["real_real"]["value"] == pytest.approx(slow([False], [False], False), abs=1e-6)
    assert between["real_synthetic"]["value"] == pytest.approx(
        slow([False], [True], False), abs=1e-6
    )
    assert between["synthetic_synthetic"]["value"] == pytest.approx(
        slow([True], [True], False), abs=1e-6
    )
    row = found.set_of(0, 1)
    assert row["intra_class"]["value"] == pytest.approx(slow(both, both, True), abs=1e-6)
    assert row["inter_class"]["value"] == pytest.approx(slow(both, both, False), abs=1e-6)
    alone = found.set_of(0)["intra_class"]
    assert alone["value"] == pytest.approx(slow([False], [False], True), abs=1e-6)
    assert alone["ci95"][0] <= alone["value"] <= alone["ci95"][1]


@pytest.mark.parametrize("rows", [3, 1024])
def test_kid_by_slow_counting_and_of_equal_sets_about_nothing(rows, monkeypatch):
    monkeypatch.setattr(modality, "_KERNEL_ROWS", rows)
    random = np.random.default_rng(3)
    real, made = unit(random.normal(size=(7, 5))), unit(random.normal(size=(6, 5)) + 1.0)

    def kernel(x, y):
        return (x @ y + 1) ** 3

    within = [
        np.mean([kernel(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j])
        for s in (real, made)
    ]
    across = np.mean([kernel(a, b) for a in real for b in made])
    assert kid(real, made) == pytest.approx(sum(within) - 2 * across)
    many = unit(random.normal(size=(400, 5)))
    moved = unit(many[200:] + 1.0)
    assert abs(kid(many[:200], many[200:])) < 0.05 < kid(many[:200], moved)


def test_cka_ignores_turns_and_scale_and_tells_strangers():
    random = np.random.default_rng(4)
    features = random.normal(size=(60, 5))
    turn, _ = np.linalg.qr(random.normal(size=(5, 5)))
    assert cka(features, 3 * features @ turn + 1) == pytest.approx(1.0)
    assert cka(features, random.normal(size=(60, 5))) < 0.4


def test_effects_are_of_the_dimension_that_moves():
    features = np.array([[0.0, 1.0], [2.0, 1.0], [0.5, 4.0], [2.5, 4.0]])
    found = effects(features, np.array([[0, 1], [2, 3]]))
    assert found[0] == pytest.approx(0.5)
    assert found[1] > 1e6
