"""Identification and re-identification, from how each probe fared."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.curve import OperatingPoint, curve_of_scores, tar_at_far
from pipeline.evaluation.measures import ProbeRanks


def cmc(ranks: ProbeRanks, most: int = 20) -> NDArray[np.float64]:
    """Return the cumulative match characteristic, float64 (most,), from rank-1 on.

    Ranks are those of subjects, each counted once by its best entry (LLCM's rule; with one entry a
    subject it is the plain one). Probes without an entry of theirs in the gallery do not count; all
    values are NaN where no other is left.
    """
    mated = ranks.rank[ranks.rank > 0]
    if not len(mated):
        return np.full(most, np.nan)
    counts = np.bincount(np.minimum(mated, most + 1), minlength=most + 2)[1 : most + 1]
    rates: NDArray[np.float64] = np.cumsum(counts) / len(mated)
    return rates


def rank_k(ranks: ProbeRanks, k: int = 1) -> float:
    """Return the share of mated probes whose subject is among the k best."""
    return float(cmc(ranks, k)[-1])


def mean_average_precision(ranks: ProbeRanks) -> float:
    """Return mAP over the mated probes, NaN where there is none.

    Reference:
        L. Zheng et al., Scalable person re-identification: a benchmark, ICCV 2015, section 5.1.
    """
    return _mean(ranks.average_precision)


def dir_at_fpir(ranks: ProbeRanks, fpirs: Sequence[float], k: int = 1) -> list[OperatingPoint]:
    """Return the detection and identification rate at false positive identification rates.

    Open set: a probe raises an alarm where its best score reaches the threshold. Probes without an
    entry in the gallery should raise none; FPIR is the share of them that do. A mated probe counts
    as detected where its subject is among the k best and its own score reaches the threshold. The
    threshold obeys the rule of ``tar_at_far``.

    Args:
        ranks: of probes with and without an entry in the gallery.
        fpirs: targets, each in (0, 1].
        k: deepest rank that counts.

    Returns:
        One point a target: ``tar`` is the rate, ``achieved_far`` the FPIR.

    Reference:
        ISO/IEC 19795-1; P. Grother, M. Ngan, FRVT: performance of face identification algorithms,
        NIST IR 8009, 2014.
    """
    mated = ranks.rank > 0
    found = mated & (ranks.rank <= k)
    # A mated probe beyond rank k is never detected, at any threshold.
    own = np.where(found, ranks.own_best, -np.inf)[mated]
    lowest = np.nanmin(np.r_[ranks.own_best, ranks.other_best, 0.0]) - 1.0
    curve = curve_of_scores(np.maximum(own, lowest), ranks.other_best[~mated])
    points = [tar_at_far(curve, fpir, of="probes without a mate") for fpir in fpirs]
    share_found = float(found.sum() / mated.sum()) if mated.any() else None
    # The lowest threshold would accept those beyond rank k: rank still decides.
    return [
        replace(point, tar=share_found) if point.threshold == lowest else point for point in points
    ]


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
