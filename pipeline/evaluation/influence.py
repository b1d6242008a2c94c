"""Confidence intervals of comparisons too many to be resampled: by each subject's share in a rate.

To first order a rate changes with a subject's weight by a constant, its influence. The variance
over resamples of subjects is the sum of the influences' squares, and the interval that of a normal
distribution. Counts at one threshold are enough: nothing is sorted or drawn.

Reference:
    B. Efron, R. Tibshirani, An introduction to the bootstrap, 1993, chapter 22 (the delta method).
"""

from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.bootstrap import NORMAL_95, Interval
from pipeline.evaluation.comparison import Comparison
from pipeline.evaluation.curve import ScoreCurve, eer
from pipeline.evaluation.kernels import score_pairs
from pipeline.evaluation.measures import in_threads
from pipeline.types import Float32, Float64, Int64

LEAST_NEAR = 100
"""Scores of either sort from which on their density at a threshold is believed."""
_NARROWEST, _WIDEST = 0.01, 1.0


@dataclass(frozen=True)
class Shares:
    """In how many comparisons of one sort each subject takes part, and how many of them count.

    Attributes:
        taken: float64 (s,), comparisons with the subject; an impostor one is of two subjects.
        counted: float64 (s,), of them those that are accepted, or refused.
        total: number of comparisons of the sort.
    """

    taken: Float64
    counted: Float64
    total: int

    def influences(self, rate: float) -> Float64:
        """Return how the rate of those that count changes with each subject's weight."""
        found: Float64 = (self.counted - rate * self.taken) / max(1, self.total)
        return found


def rate_interval(rate: float, influences: Float64) -> Interval | None:
    """Return the interval of a rate; None of fewer than two subjects."""
    if len(influences) < 2:
        return None
    reach = NORMAL_95 * float(np.sqrt(np.square(influences - influences.mean()).sum()))
    return max(0.0, rate - reach), min(1.0, rate + reach)


def eer_threshold(curve: ScoreCurve) -> float:
    """Return the highest threshold of a curve at which FAR reaches the false reject rate."""
    return float(curve.thresholds[int(np.argmax(curve.far >= 1.0 - curve.tar))])


def eer_interval(curve: ScoreCurve, impostor: Shares, genuine: Shares) -> Interval | None:
    """Return the interval of the equal error rate.

    It moves by both rates' influences, each weighed by how steep the other one is there.

    Args:
        curve: of all comparisons.
        impostor: those accepted at ``eer_threshold``.
        genuine: those refused there.
    """
    value, slopes = eer(curve), _densities(curve, eer_threshold(curve))
    if value is None or slopes is None:
        return None
    steep_impostor, steep_genuine = slopes
    accepted = impostor.influences(impostor.counted.sum() / max(1.0, impostor.taken.sum()))
    refused = genuine.influences(genuine.counted.sum() / max(1.0, genuine.taken.sum()))
    moved = steep_genuine * accepted + steep_impostor * refused
    return rate_interval(value, moved / (steep_impostor + steep_genuine))


def shares_of(
    counted: NDArray[np.bool_], first: Int64, second: Int64 | None, subjects: int
) -> Shares:
    """Count listed comparisons by subject.

    Args:
        counted: bool (n,).
        first: int64 (n,), a subject of each; below 0 is nobody.
        second: int64 (n,), the other one of impostor comparisons, likewise.
        subjects: how many there are.
    """
    taken, those = np.zeros(subjects), np.zeros(subjects)
    for side in (first,) if second is None else (first, second):
        taken += np.bincount(side[side >= 0], minlength=subjects)
        those += np.bincount(side[(side >= 0) & counted], minlength=subjects)
    return Shares(taken, those, len(counted))


def matrix_shares(
    comparison: Comparison, threshold: float, probe: Int64, gallery: Int64, subjects: int
) -> tuple[Shares, Shares]:
    """Count every probe against every entry: impostors accepted and genuine ones refused.

    Args:
        comparison: nothing of it is left out by camera.
        threshold: at and above which is accepted.
        probe: int64 (n,), subject of each probe; below 0 is nobody.
        gallery: int64 (m,), of each entry, in the comparison's order, likewise.
        subjects: how many there are.
    """
    by_row, by_column = np.zeros(len(probe)), np.zeros(len(gallery))
    lock = Lock()

    def count(first: int, step: int) -> None:
        for run, scores in comparison.blocks(first, step):
            accepted = scores >= np.float32(threshold)
            by_row[run] = np.count_nonzero(accepted, axis=1)
            columns = np.count_nonzero(accepted, axis=0)
            with lock:
                np.add(by_column, columns, out=by_column)

    in_threads(comparison, count)
    mates, columns = genuine_places(comparison)
    own = genuine_scores(comparison, mates, columns) >= np.float32(threshold)
    by_row -= np.bincount(mates, own, len(probe))
    by_column -= np.bincount(columns, own, len(gallery))
    met = len(gallery) - np.bincount(mates, minlength=len(probe))
    asked = len(probe) - np.bincount(columns, minlength=len(gallery))
    taken, accepted_by = np.zeros(subjects), np.zeros(subjects)
    for who, all_, those in ((probe, met, by_row), (gallery, asked, by_column)):
        known = who >= 0
        taken += np.bincount(who[known], all_[known], subjects)
        accepted_by += np.bincount(who[known], those[known], subjects)
    impostor = Shares(taken, accepted_by, len(probe) * len(gallery) - len(mates))
    return impostor, shares_of(~own, probe[mates], None, subjects)


def genuine_places(comparison: Comparison) -> tuple[Int64, Int64]:
    """Return probe and gallery column of each genuine comparison, int64 (k,) twice."""
    counts = comparison.own_stop - comparison.own_start
    mates = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(mates)) - np.repeat(np.cumsum(counts) - counts, counts)
    return mates, comparison.own_start[mates] + within


def genuine_scores(comparison: Comparison, probe: Int64, column: Int64) -> Float32:
    """Return the scores of some comparisons, float32 (k,)."""
    scores = np.empty(len(probe), np.float32)
    score_pairs(comparison.probes, comparison.gallery, probe, column, scores)
    return scores


def _densities(curve: ScoreCurve, threshold: float) -> tuple[float, float] | None:
    """Return the share of impostor and of genuine scores near a threshold, None of too few."""
    reach = _NARROWEST
    while reach <= _WIDEST:
        low, high = (
            int(np.searchsorted(-curve.thresholds, -(threshold + side * reach), "right")) - 1
            for side in (-1, 1)
        )
        near = [
            int(accepts[low] - accepts[high])
            for accepts in (curve.false_accepts, curve.true_accepts)
        ]
        if min(near) >= LEAST_NEAR:
            return near[0] / curve.impostor, near[1] / curve.genuine
        reach *= 2.0
    return None
