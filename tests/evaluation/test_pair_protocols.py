"""Protocols of listed pairs on replicas: LFW, CFP, YTF, packs, and IJB-A, -B and -C 1:1."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binomtest
from sklearn.metrics import roc_curve

from pipeline import testing
from pipeline.errors import StageError
from pipeline.evaluation.recognition import measure_protocol, recognise


def cosine(one, other):
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def templates_of(table, vectors):
    """Template by id, worked slowly: mean of unit vectors within a media, then over media."""
    media = {}
    for row in table.to_pylist():
        vector = vectors[row["sample_id"]].astype(np.float64)
        of = media.setdefault(row["template_id"], {}).setdefault(row["media_id"], [])
        of.append(vector / np.linalg.norm(vector))
    return {
        name: np.mean([np.mean(group, axis=0) for group in groups.values()], axis=0)
        for name, groups in media.items()
    }


def scores_of(fold, vectors):
    known, asked = templates_of(fold.enroll, vectors), templates_of(fold.probe, vectors)
    return [
        (cosine(known[p["enroll_template_id"]], asked[p["probe_template_id"]]), p["same"])
        for p in fold.match.to_pylist()
    ]


def ten_fold(by_fold):
    """LFW's view 2 as its report tells it: the best threshold of nine folds judges the tenth."""
    accuracies = []
    for held_out, pairs in by_fold.items():
        others = [pair for fold, more in by_fold.items() if fold != held_out for pair in more]
        scores = sorted({score for score, _ in others})
        tried = [
            scores[0] - 1,
            *((a + b) / 2 for a, b in pairwise(scores)),
            scores[-1] + 1,
        ]
        right = [sum((score > t) == same for score, same in others) for t in tried]
        best = max(t for t, r in zip(tried, right, strict=True) if r == max(right))
        accuracies.append(np.mean([(score > best) == same for score, same in pairs]))
    return accuracies


@pytest.mark.parametrize(
    ("reader", "name", "write"),
    [
        ("lfw", "view2", lambda root: testing.lfw(root, folds=10, each=4)),
        ("cfp", "ff", testing.cfp),
        ("cfp", "fp", testing.cfp),
        ("ytf", "ten_folds", lambda root: testing.ytf(root, frames=3)),
        ("bin_packs", "cfp_fp", lambda root: testing.bin_packs(root, pairs=40)),
    ],
)
def test_accuracy_over_folds_is_that_of_a_slow_re_derivation(
    tmp_path, official, embed, reader, name, write
):
    write(tmp_path)
    protocol = official(reader)[name]
    vectors = embed(protocol)
    measured = measure_protocol(protocol, lambda _: (vectors, vectors))
    expected = ten_fold({n: scores_of(protocol.fold(n), vectors) for n in protocol.folds()})
    accuracy = measured.metrics["accuracy"]
    assert accuracy["folds"] == pytest.approx(expected, abs=1e-4)
    assert accuracy["value"] == pytest.approx(np.mean(expected), abs=1e-6)
    error = np.std(expected, ddof=1) / len(expected) ** 0.5
    assert accuracy["standard_error"] == pytest.approx(error, abs=1e-4)
    assert accuracy["n"] == len(protocol.match)
    assert accuracy["ci95"][0] <= accuracy["value"] <= accuracy["ci95"][1]


def test_a_pair_with_a_face_that_was_not_found_is_wrong_whosever_it_is(tmp_path, official, embed):
    testing.lfw(tmp_path, folds=10, each=4)
    protocol = official("lfw")["view2"]
    vectors = embed(protocol, noise=0.0)  # all pairs would be right
    lost = protocol.fold(3).match.to_pylist()[0]["enroll_template_id"]
    wrong = [
        sum(
            lost in (p["enroll_template_id"], p["probe_template_id"])
            for p in fold.match.to_pylist()
        )
        for fold in map(protocol.fold, protocol.folds())
    ]
    everybody = len({r["subject_id"] for r in protocol.probe.to_pylist()})
    accuracy = measure_protocol(protocol, lambda _: (vectors, vectors)).metrics["accuracy"]
    assert accuracy["value"] == 1.0
    wilson = binomtest(everybody, everybody).proportion_ci(method="wilson")
    assert accuracy["ci95"] == pytest.approx([wilson.low, 1.0], abs=1e-4)
    del vectors[lost]
    metrics = measure_protocol(protocol, lambda _: (vectors, vectors)).metrics
    assert metrics["accuracy"]["folds"] == pytest.approx([1 - w / 8 for w in wrong], abs=1e-4)
    assert sum(wrong) > 0
    assert metrics["failure_to_enrol"]["value"] > 0


def test_the_accuracy_of_one_fold_alone_is_refused(tmp_path, official, embed):
    testing.lfw(tmp_path, folds=10, each=4)
    protocol = official("lfw")["view2"]
    vectors = embed(protocol)
    with pytest.raises(StageError, match="expected all folds, found one"):
        recognise(protocol.fold(1), vectors, vectors)
    with pytest.raises(StageError, match="pairs of at least two folds, found 1"):
        measure_protocol(protocol.fold(1), lambda _: (vectors, vectors))


def equal_error(same, scores):
    """Return where scikit-learn's ROC, with straight lines, meets the line of equal errors."""
    far, tar, _ = roc_curve(same, scores, drop_intermediate=False)
    return brentq(lambda rate: 1 - rate - np.interp(rate, far, tar), 0, 1)


@pytest.mark.parametrize(
    ("reader", "name", "write"),
    [
        ("ijbb", "verification", partial(testing.ijbb, subjects=120)),
        ("ijbc", "verification", partial(testing.ijbc, subjects=120)),
        ("ijb_insightface", "verification", partial(testing.ijb_insightface, subjects=120)),
        ("lfw", "view1_test", partial(testing.lfw, folds=1, each=120)),
    ],
)
def test_verification_is_scikit_learns_roc(tmp_path, official, embed, reader, name, write):
    write(tmp_path)
    protocol = official(reader)[name]
    vectors = embed(protocol, noise=1.5)
    metrics = recognise(protocol, vectors, vectors).metrics
    scores, same = zip(*scores_of(protocol, vectors), strict=True)
    far, tar, _ = roc_curve(same, scores, drop_intermediate=False)
    assert metrics["tar_at_far"]["1e-1"]["value"] == pytest.approx(
        tar[np.flatnonzero(far <= 0.1)[-1]], abs=1e-6
    )
    assert metrics["tar_at_far"]["1e-1"]["achieved_far"] == 0.1
    low, high = metrics["tar_at_far"]["1e-1"]["ci95"]
    assert low < metrics["tar_at_far"]["1e-1"]["value"] < high
    assert metrics["tar_at_far"]["1e-2"]["value"] is None  # 1.2 false accepts
    assert metrics["tar_at_far"]["1e-2"]["reason"].startswith("too few impostor comparisons: 120 ")
    assert metrics["eer"]["value"] == pytest.approx(equal_error(same, scores), abs=1e-6)
    assert 0 < metrics["eer"]["value"] < 0.5
    assert (metrics["genuine"], metrics["impostor"]) == (120, 120)


def test_a_genuine_pair_that_was_not_enrolled_is_a_miss_and_an_impostor_pair_none(
    tmp_path, official, embed
):
    testing.ijbc(tmp_path, subjects=120)
    protocol = official("ijbc")["verification"]
    vectors = embed(protocol, noise=0.0)
    probes = {s: v for s, v in vectors.items() if not s.startswith("7/frames")}
    metrics = recognise(protocol, vectors, probes).metrics
    assert metrics["tar_at_far"]["1e-1"]["value"] == pytest.approx(119 / 120, abs=1e-6)
    assert metrics["tar_at_far"]["1e-1"]["n"] == 120
    assert (metrics["genuine"], metrics["impostor"]) == (119, 119)
    assert metrics["failure_to_enrol"]["value"] == pytest.approx(1 / 240, abs=1e-6)


def test_pairs_of_which_none_could_be_compared_have_no_rates(tmp_path, official, embed):
    testing.ijbc(tmp_path, subjects=4)
    protocol = official("ijbc")["verification"]
    vectors = embed(protocol, noise=0.0)
    gallery = {s: v for s, v in vectors.items() if s.startswith("1/")}
    probes = {s: v for s, v in vectors.items() if s.startswith("3/")}
    metrics = recognise(protocol, gallery, probes).metrics
    assert metrics["eer"] == {"value": None, "n": 0, "ci95": None}
    assert metrics["failure_to_enrol"]["value"] == 0.75
    assert (metrics["genuine"], metrics["impostor"], metrics["pairs"]) == (0, 0, 8)


def test_ijba_verification_is_the_mean_of_its_splits(tmp_path, official, embed):
    testing.ijba(tmp_path, subjects=40, splits=3)
    protocol = official("ijba")["verification"]
    nets = {n: embed(protocol.fold(n), noise=1.5, seed=n) for n in protocol.folds()}
    measured = measure_protocol(protocol, lambda number: (nets[number], nets[number]))
    assert len(measured.folds) == 3
    expected = []
    for number, fold in enumerate(measured.folds, 1):
        scores, same = zip(*scores_of(protocol.fold(number), nets[number]), strict=True)
        expected.append(equal_error(same, scores))
        assert fold.metrics["eer"]["value"] == pytest.approx(expected[-1], abs=1e-6)
    assert len(set(expected)) == 3
    error = measured.metrics["eer"]
    assert error["folds"] == pytest.approx(expected, abs=1e-6)
    assert error["value"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert error["std"] == pytest.approx(np.std(expected, ddof=1), abs=1e-4)
    assert measured.metrics["genuine"] == 3 * 39
    assert measured.metrics["impostor"] == 3
    assert measured.metrics["tar_at_far"]["1e-1"]["value"] is None


def test_a_match_list_with_an_unknown_template_is_refused(tmp_path, official, embed):
    testing.ijbc(tmp_path)
    protocol = official("ijbc")["verification"]
    vectors = embed(protocol)
    there = [name != "2" for name in protocol.enroll["template_id"].to_pylist()]
    broken = replace(protocol, enroll=protocol.enroll.filter(there))
    with pytest.raises(StageError, match="2 pairs of its match list name a template that enroll"):
        recognise(broken, vectors, vectors)
