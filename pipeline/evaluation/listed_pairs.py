"""Protocols of listed pairs: accuracy over folds (LFW, CFP, YTF) and TAR at FAR (IJB 1:1)."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import StageError
from pipeline.evaluation.bootstrap import (
    LEAST_RESAMPLES,
    RESAMPLES,
    Interval,
    VerificationBootstrap,
    wilson_interval,
)
from pipeline.evaluation.curve import ScoreCurve, eer, far_name, roc
from pipeline.evaluation.influence import eer_interval, eer_threshold, shares_of
from pipeline.evaluation.kernels import score_pairs
from pipeline.evaluation.measures import FARS, measure_scores
from pipeline.evaluation.rates import (
    NO_CMC,
    Recognition,
    accepted_rate,
    fold_interval,
    mean_rate,
    ranked_rate,
    rate,
)
from pipeline.evaluation.subjects import NOBODY, named
from pipeline.evaluation.templates import Side
from pipeline.store.protocols import Protocol, Threshold
from pipeline.types import Float32, Int64

LISTED_RESAMPLED = 20_000_000
"""Scores of a list that all its resamples together may look at: a long one gets fewer, and one that
would get less than ``LEAST_RESAMPLES`` its interval by influence. A matrix may look at more: its
TAR comes of the same resamples, a list's does not."""


@dataclass(frozen=True)
class ScoredPairs:
    """A fold's pairs.

    Attributes:
        fold: its number.
        scores: float32 (n,), minus infinity where a side was not enrolled.
        same: bool (n,), as listed.
        gallery_subjects: int64 (n,), numbered alike in all folds.
        probe_subjects: int64 (n,).
        failed: bool (t,), of each template of both sides.
        owners: int64 (t,), subject of each.
    """

    fold: int
    scores: Float32
    same: NDArray[np.bool_]
    gallery_subjects: Int64
    probe_subjects: Int64
    failed: NDArray[np.bool_]
    owners: Int64


def scored_pairs(protocol: Protocol, fold: int, gallery: Side, probes: Side) -> ScoredPairs:
    """Score a fold's pairs.

    Raises:
        StageError: the protocol lists none, or one names a template that the tables lack.
    """
    match = protocol.match
    if match is None or not len(match):
        raise StageError(
            f"protocol {protocol.name}, kind {protocol.kind}: expected a match list with pairs of "
            f"fold {fold}, found none; build the protocols again"
        )
    known = gallery.find(match["enroll_template_id"], protocol.name, "enroll")
    asked = probes.find(match["probe_template_id"], protocol.name, "probe")
    same = np.asarray(pc.fill_null(match["same"], False)).astype(bool)
    return ScoredPairs(
        fold,
        scores_of(gallery, probes, known, asked),
        same,
        gallery.subjects[known],
        probes.subjects[asked],
        ~np.r_[gallery.enrolled, probes.enrolled],
        np.r_[gallery.subjects, probes.subjects],
    )


def scores_of(gallery: Side, probes: Side, known: Int64, asked: Int64) -> Float32:
    """Return the cosine of pairs of templates, minus infinity where one was not enrolled.

    Args:
        gallery: one side.
        probes: the other.
        known: int64 (k,), places in the gallery.
        asked: int64 (k,), places among the probes.
    """
    scores = np.full(len(known), -np.inf, np.float32)
    left, right = gallery.rows[known], probes.rows[asked]
    made = np.flatnonzero((left >= 0) & (right >= 0))
    whole = len(made) == len(scores)
    found = scores if whole else np.empty(len(made), np.float32)
    if not whole:
        left, right = left[made], right[made]

    def score(run: slice) -> None:
        score_pairs(gallery.vectors, probes.vectors, left[run], right[run], found[run])

    threads = len(os.sched_getaffinity(0))
    step = max(1, -(-len(found) // threads))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(score, [slice(n, n + step) for n in range(0, len(found), step)]))
    if not whole:
        scores[made] = found
    return scores


def measure_pairs(
    folds: Sequence[ScoredPairs], threshold: Threshold = Threshold.AT_MOST
) -> Recognition:
    """Measure TAR at FAR and EER of pairs; of several folds, all of them together.

    A genuine pair with a side that was not enrolled is a miss; impostor pairs are those made, and
    ``eer`` is of the pairs made alone.

    Args:
        folds: their pairs.
        threshold: how that of a false accept rate is chosen.
    """
    joined = _joined(folds)
    made = np.isfinite(joined.scores)
    genuine, impostor = (joined.scores[made & (joined.same == own)] for own in (True, False))
    curve = measure_scores(genuine, impostor, FARS)
    listed = int(joined.same.sum())
    share = len(genuine) / max(1, listed)
    owners = joined.probe_subjects[joined.same]
    resamples = int(min(RESAMPLES, LISTED_RESAMPLED // max(1, len(joined.scores))))
    if resamples >= LEAST_RESAMPLES:
        error = VerificationBootstrap(
            joined.scores[made],
            named(joined.probe_subjects[made]),
            named(joined.gallery_subjects[made]),
            resamples=resamples,
        ).eer_interval()
    else:
        error = _eer_interval(joined, made, curve)
    metrics: dict[str, Any] = {
        "tar_at_far": {
            far_name(far): accepted_rate(curve, far, joined.scores[joined.same], owners)
            if threshold == Threshold.AT_MOST
            else ranked_rate(impostor, far, joined.scores[joined.same], owners)
            for far in FARS
        },
        "eer": rate(eer(curve), curve.genuine, error),
        "failure_to_enrol": mean_rate(joined.failed, joined.owners),
        "pairs": len(joined.scores),
        "genuine": curve.genuine,
        "impostor": curve.impostor,
    }
    far_rates, tar_rates = roc(curve)
    return Recognition(metrics, np.stack([far_rates, share * tar_rates]), NO_CMC)


def _eer_interval(
    pairs: ScoredPairs, made: NDArray[np.bool_], curve: ScoreCurve
) -> Interval | None:
    """Return the interval of the equal error rate of long lists, by each subject's share in it."""
    if not (curve.genuine and curve.impostor):
        return None
    accepted = pairs.scores >= np.float32(eer_threshold(curve))
    own, other = made & pairs.same, made & ~pairs.same
    probe, gallery = pairs.probe_subjects, pairs.gallery_subjects
    subjects = int(max(probe.max(), gallery.max())) + 1
    return eer_interval(
        curve,
        shares_of(accepted[other], probe[other], gallery[other], subjects),
        shares_of(~accepted[own], probe[own], None, subjects),
    )


def measure_accuracy(folds: Sequence[ScoredPairs]) -> Recognition:
    """Measure the accuracy of each fold at the threshold that is best on all others.

    A pair with a side that was not enrolled counts as wrong, whosever it is.

    Raises:
        StageError: there are fewer than two folds with a pair that could be compared.
    """
    joined = _joined(folds)
    numbers = np.concatenate([np.full(len(each.scores), each.fold) for each in folds])
    made = np.isfinite(joined.scores)
    if len(np.unique(numbers[made])) < 2:
        raise StageError(
            "the threshold of a fold is chosen on the others: expected pairs of at least two "
            f"folds, found {len(np.unique(numbers[made]))}"
        )
    found = fold_accuracy(joined.scores[made], joined.same[made], numbers[made])
    of_fold = dict(zip(np.unique(numbers[made]).tolist(), found.accuracy.tolist(), strict=True))
    accuracy = np.array(
        [of_fold.get(each.fold, 0.0) * float(np.isfinite(each.scores).mean()) for each in folds]
    )
    value, interval = float(accuracy.mean()), fold_interval(accuracy)
    people = len(np.unique(joined.probe_subjects))
    if value in (0.0, 1.0) and people > 1:
        interval = wilson_interval(value, people)  # folds that are alike give no width
    metrics = {
        "accuracy": rate(value, len(made), interval)
        | {
            "std": round(float(accuracy.std(ddof=1)), 4),
            "standard_error": round(float(accuracy.std(ddof=1)) / len(accuracy) ** 0.5, 4),
            "folds": [round(value, 4) for value in accuracy.tolist()],
        }
    }
    verified = measure_pairs(folds)
    return Recognition(metrics | verified.metrics, verified.roc, NO_CMC)


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy of each fold at the threshold that the other folds chose.

    Attributes:
        accuracy: float64 (folds,).
        thresholds: float64 (folds,).
    """

    accuracy: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def fold_accuracy(scores: ArrayLike, same: ArrayLike, folds: ArrayLike) -> FoldAccuracy:
    """Evaluate pairs as LFW does: each fold at the threshold that is best on all others.

    A pair counts as the same person where its score is above the threshold. Thresholds lie midway
    between neighbouring scores; of several that are equally good, the highest is taken.

    Args:
        scores: (n,), finite; higher is more alike.
        same: (n,), true for pairs of one person.
        folds: (n,), the fold of each pair.

    Raises:
        ValueError: shapes differ, a score is not finite, or there are fewer than two folds.

    Reference:
        G. B. Huang et al., Labeled faces in the wild, UMass TR 07-49, 2007, section 4 (view 2).
    """
    values = np.asarray(scores, np.float64)
    ground_truth, fold = np.asarray(same, bool), np.asarray(folds)
    if values.ndim != 1 or not values.shape == ground_truth.shape == fold.shape:
        raise ValueError(
            f"expected (n,) thrice, got {values.shape}, {ground_truth.shape}, {fold.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("scores have to be finite: leave failures to enrol out and count them")
    names = np.unique(fold)
    if len(names) < 2:
        raise ValueError("a threshold is chosen on other folds: there have to be at least two")
    accuracy, thresholds = [], []
    for name in names:
        held_out = fold == name
        threshold = _best_threshold(values[~held_out], ground_truth[~held_out])
        accuracy.append(np.mean((values[held_out] > threshold) == ground_truth[held_out]))
        thresholds.append(threshold)
    return FoldAccuracy(np.array(accuracy), np.array(thresholds))


def _best_threshold(scores: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    distinct, place = np.unique(scores, return_inverse=True)
    genuine = np.bincount(place, weights=same, minlength=len(distinct))
    impostor = np.bincount(place, weights=~same, minlength=len(distinct))
    # right decisions where the lowest k scores are refused
    right = np.r_[0, np.cumsum(impostor)] + np.r_[np.cumsum(genuine[::-1])[::-1], 0]
    best = len(right) - 1 - int(np.argmax(right[::-1]))
    padded = np.r_[distinct[0] - 2.0, distinct, distinct[-1] + 2.0]
    return float((padded[best] + padded[best + 1]) / 2)


def _joined(folds: Sequence[ScoredPairs]) -> ScoredPairs:
    """Join folds whose subjects are numbered alike; pairs of nobody get subjects of their own."""
    joined = folds[0]
    if len(folds) > 1:
        names = ("scores", "same", "gallery_subjects", "probe_subjects", "failed", "owners")
        joined = ScoredPairs(
            joined.fold,
            *(np.concatenate([getattr(each, name) for each in folds]) for name in names),
        )
    nobody = (joined.gallery_subjects == NOBODY) & (joined.probe_subjects == NOBODY)
    if not nobody.any():
        return joined
    # The list says who is the same, not who they are: a pair is then what is drawn anew.
    first = int(max(joined.gallery_subjects.max(), joined.probe_subjects.max())) + 1
    gallery, probe = joined.gallery_subjects.copy(), joined.probe_subjects.copy()
    gallery[nobody] = first + 2 * np.arange(int(nobody.sum()))
    probe[nobody] = gallery[nobody] + ~joined.same[nobody]
    return replace(joined, gallery_subjects=gallery, probe_subjects=probe)
