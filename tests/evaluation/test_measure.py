"""Streaming measures against the full matrix, scikit-learn and slow re-derivations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_curve

from pipeline.evaluation import comparison, measures
from pipeline.evaluation.comparison import against_others, compare, unit_length
from pipeline.evaluation.curve import curve_of_scores, eer, tar_at_far
from pipeline.evaluation.measures import measure, measure_scores, rank_probes, search_among

FARS = (0.1, 0.01, 0.001)


@pytest.fixture
def people():
    """300 probes and 200 gallery entries of 40 subjects, 5 of whom the gallery lacks; 3 cameras."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(40, 16))
    subjects = rng.integers(0, 40, 300), rng.integers(0, 35, 200)
    sides = [centres[who] + rng.normal(size=(len(who), 16)) for who in subjects]
    cameras = rng.integers(0, 3, 300), rng.integers(0, 3, 200)
    return *sides, *subjects, *cameras


def blocks_of(rows, monkeypatch):
    monkeypatch.setattr(comparison, "BLOCK_SCORES", rows)


@pytest.mark.parametrize("block", [1, 1000, 10**6])
@pytest.mark.parametrize("cameras", [False, True])
def test_the_curve_is_that_of_the_full_matrix(people, cameras, block, monkeypatch):
    blocks_of(block, monkeypatch)
    probes, gallery, asked, known, at, taken = people
    extra = {"probe_cameras": at, "gallery_cameras": taken} if cameras else {}
    prepared = compare(probes, gallery, asked, known, **extra)
    curve = measure(prepared, FARS).curve
    # bit for bit the same scores: the last bit of a product depends on the block and the cores
    scores = prepared.scores()
    order = np.argsort(known, kind="stable")
    same = asked[:, None] == known[order]
    left_out = same & (at[:, None] == taken[order]) & cameras
    exact = curve_of_scores(scores[same & ~left_out], scores[~same])
    assert (curve.genuine, curve.impostor) == (exact.genuine, exact.impostor)
    assert eer(curve) == eer(exact)
    for far in FARS:
        ours, theirs = tar_at_far(curve, far), tar_at_far(exact, far)
        assert (ours.tar, ours.achieved_far) == (theirs.tar, theirs.achieved_far)
        assert ours.threshold <= theirs.threshold
        assert tar_at_far(exact, far).tar == np.mean(scores[same & ~left_out] >= ours.threshold)
    # every point of the curve is one of the exact curve
    known_points = set(zip(exact.false_accepts, exact.true_accepts, strict=True))
    assert known_points.issuperset(zip(curve.false_accepts, curve.true_accepts, strict=True))
    labels = np.r_[np.ones(exact.genuine), np.zeros(exact.impostor)]
    far, tar, _ = roc_curve(labels, np.r_[scores[same & ~left_out], scores[~same]])
    assert tar_at_far(curve, 0.01).tar == tar[np.flatnonzero(far <= 0.01)[-1]]


def test_average_precision_is_scikit_learns(people):
    probes, gallery, asked, known, at, taken = people
    prepared = compare(probes, gallery, asked, known, probe_cameras=at, gallery_cameras=taken)
    ranks = rank_probes(prepared)
    scores = prepared.scores()
    order = np.argsort(known, kind="stable")
    for row in range(len(probes)):
        same = known[order] == asked[row]
        valid = ~(same & (taken[order] == at[row]))
        if not (same & valid).any():
            assert ranks.rank[row] == 0
            assert np.isnan(ranks.average_precision[row])
            continue
        expected = average_precision_score(same[valid], scores[row, valid])
        assert ranks.average_precision[row] == pytest.approx(expected, abs=1e-12)
        worst = scores[row, same & valid].min()
        hardest = np.sum(scores[row, valid] >= worst)
        assert ranks.inverse_negative_penalty[row] == np.sum(same & valid) / hardest
        others = {
            s
            for s, v in zip(known[order], scores[row], strict=True)
            if s != asked[row] and v >= scores[row, same & valid].max()
        }
        assert ranks.rank[row] == len(others) + 1
        assert ranks.own_best[row] == scores[row, same & valid].max()
        assert ranks.other_best[row] == scores[row, ~same].max()


@given(st.integers(0, 2**32 - 1))
def test_ties_count_against_the_probe_and_average_precision_stays_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-1, 2, (12, 2)) + 0.0
    vectors[~vectors.any(axis=1)] = (1.0, 0.0)  # only eight directions: ties everywhere
    subjects = rng.integers(0, 4, 12)
    prepared = compare(vectors[:6], vectors[6:], subjects[:6], subjects[6:])
    ranks = rank_probes(prepared)
    scores = prepared.scores()
    known = np.sort(subjects[6:])
    for row, own in enumerate(subjects[:6]):
        same = known == own
        if same.any():
            expected = average_precision_score(same, scores[row])
            assert ranks.average_precision[row] == pytest.approx(expected, abs=1e-12)
            at_least = scores[row] >= scores[row, same].max()
            assert ranks.rank[row] == 1 + len(set(known[at_least & ~same]))


@pytest.mark.parametrize("dimensions", [64, 512])
@pytest.mark.parametrize(("probes", "entries"), [(1, 5), (7, 33), (37, 5), (37, 31), (100, 100)])
def test_equal_embeddings_tie_wherever_they_stand(probes, entries, dimensions):
    """BLAS rounds a small product's last rows and columns otherwise: a tie would favour some."""
    rng = np.random.default_rng(1)
    asked, known = rng.normal(size=(2, 100, dimensions))
    alike = compare(asked[:probes], known[:1].repeat(entries, 0), [0] * probes, range(entries))
    scores = alike.scores()
    assert (scores == scores[:, :1]).all()
    assert rank_probes(alike).rank.tolist() == [entries] * probes
    one = compare(asked[:1].repeat(probes, 0), known[:entries], [0] * probes, range(entries))
    assert (one.scores() == one.scores()[:1]).all()


@pytest.mark.parametrize("dimensions", [64, 512])
def test_a_score_is_the_same_in_any_order_and_company(dimensions):
    rng = np.random.default_rng(2)
    asked, known = rng.normal(size=(2, 37, dimensions))
    order, other = rng.permutation(37), rng.permutation(37)
    scores = compare(asked, known, range(37), range(37)).scores()
    turned = compare(asked[order], known[other], range(37), range(37)).scores()
    assert (turned == scores[order][:, other]).all()
    alone = compare(asked[5:6], known[:20], [0], range(20)).scores()
    assert (alone == scores[5:6, :20]).all()


def test_zero_and_minus_zero_are_one_score():
    probes = np.array([[1.0, 0.0], [-1.0, 0.0]])
    gallery = np.array([[0.0, 1.0], [0.0, -1.0], [1.0, 0.0]])
    curve = measure(compare(probes, gallery, ["a", "b"], ["a", "c", "b"]), (0.5,)).curve
    # impostor: 0 and 1 of probe a, −0 twice of probe b; genuine: 0 and −1
    assert tar_at_far(curve, 0.5).achieved_far == 0.25
    assert tar_at_far(curve, 0.5).tar == 0.0


def test_a_million_equal_scores_stay_exact_and_small():
    ones = np.ones((1000, 4))
    curve = measure(compare(ones, ones, np.arange(1000), np.arange(1000)), (0.1,)).curve
    assert (curve.genuine, curve.impostor) == (1000, 999000)
    assert tar_at_far(curve, 0.1).achieved_far == 0.0
    assert eer(curve) == 0.5


def test_an_image_is_not_compared_with_itself_where_each_is_its_own_camera():
    rng = np.random.default_rng(0)
    faces, who, own = rng.normal(size=(20, 8)), np.repeat(np.arange(10), 2), np.arange(20)
    curve = measure(
        compare(faces, faces, who, who, probe_cameras=own, gallery_cameras=own), (0.1,)
    ).curve
    assert (curve.genuine, curve.impostor) == (20, 360)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_what_was_not_enrolled_may_not_come_as_a_vector(bad):
    faces = np.ones((3, 4))
    faces[1] = bad
    with pytest.raises(ValueError, match="1 embeddings are zero or not finite, the first in row 1"):
        unit_length(faces)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gallery": np.ones((3, 5))}, "probes have 4 dimensions, the gallery 5"),
        ({"gallery": np.ones((0, 4)), "gallery_subjects": []}, "the gallery is empty"),
        ({"gallery_subjects": [1]}, "gallery_subjects: expected 3 values"),
        ({"probes": np.ones(4)}, r"expected probes of shape \(n, d\), got \(4,\)"),
        ({"probe_cameras": [1, 2]}, "on both sides or on neither"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    fine = {
        "probes": np.ones((2, 4)),
        "gallery": np.ones((3, 4)),
        "probe_subjects": [1, 2],
        "gallery_subjects": [1, 2, 3],
    }
    with pytest.raises(ValueError, match=message):
        compare(**(fine | change))


@pytest.mark.parametrize("kind", [np.float64, np.float16, list])
def test_listed_scores_of_another_type_are_counted_once_each(kind):
    genuine, impostor = [0.75, 0.5], [0.25, 0.625, -0.5, 0.0]
    scores = [kind(side) if kind is list else np.array(side, kind) for side in (genuine, impostor)]
    curve = measure_scores(*scores, (0.25,))
    assert (curve.genuine, curve.impostor) == (2, 4)
    point = tar_at_far(curve, 0.25)
    assert (point.tar, point.achieved_far, point.threshold) == (1.0, 0.25, 0.5)


def test_scores_listed_in_many_pieces_give_the_curve_of_all_at_once(monkeypatch):
    monkeypatch.setattr(measures, "LISTED_AT_ONCE", 7)
    rng = np.random.default_rng(6)
    genuine, impostor = (
        rng.normal(at, 0.2, n).astype(np.float32) for at, n in ((0.4, 60), (0, 250))
    )
    curve, exact = measure_scores(genuine, impostor, FARS), curve_of_scores(genuine, impostor)
    assert (curve.genuine, curve.impostor) == (60, 250)
    assert eer(curve) == eer(exact)
    for far in (0.1, 0.01):
        ours, theirs = tar_at_far(curve, far), tar_at_far(exact, far)
        assert (ours.tar, ours.achieved_far) == (theirs.tar, theirs.achieved_far)
        assert 0 < ours.tar < 1
    known_points = set(zip(exact.false_accepts, exact.true_accepts, strict=True))
    assert known_points.issuperset(zip(curve.false_accepts, curve.true_accepts, strict=True))


@pytest.mark.parametrize("order", [None, np.arange(10)[::-1]])
def test_embeddings_in_many_pieces_are_each_divided_by_their_length(order, monkeypatch):
    monkeypatch.setattr(comparison, "CHUNK_ROWS", 4)
    faces = np.random.default_rng(7).normal(size=(10, 3))
    expected = np.array([row / np.sqrt(np.sum(row**2)) for row in faces])
    found = unit_length(faces, order)
    assert found == pytest.approx(expected if order is None else expected[::-1], abs=1e-6)
    faces[[6, 9]] = 0.0
    with pytest.raises(ValueError, match="2 embeddings are zero or not finite, the first in row 6"):
        unit_length(faces, order)


@pytest.mark.parametrize("at_once", [1, 7, 2**20])
@pytest.mark.parametrize("most", [1, 3, 50])
def test_the_best_distractors_say_how_many_lie_above_a_mate(most, at_once, monkeypatch):
    """Against a count of all scores; a few distinct ones, so that ties are common."""
    monkeypatch.setattr(measures, "LISTED_AT_ONCE", at_once)
    monkeypatch.setattr(comparison, "BLOCK_SCORES", 200)  # several blocks, shared by threads
    rng = np.random.default_rng(4)
    probes, distractors = (unit_length(rng.integers(1, 4, (n, 2))) for n in (70, 300))
    prepared = against_others(distractors, probes)
    own_probe = rng.integers(0, 70, 500)
    scores = prepared.scores()
    own = rng.choice(scores.ravel(), 500)
    found = search_among(prepared, own_probe, own, most)
    expected = (scores[:, own_probe] >= own).sum(axis=0)
    assert found.above.tolist() == np.minimum(expected, most).tolist()
    for probe, best in enumerate(found.best):
        reached = scores[:, probe].max() >= own[own_probe == probe].min(initial=np.inf)
        assert best == (scores[:, probe].max() if reached else -np.inf)
