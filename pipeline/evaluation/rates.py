"""Rates as metrics files hold them: a value, how many it is of, and its 95 % interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.bootstrap import Interval, share_interval
from pipeline.evaluation.curve import OperatingPoint, ScoreCurve, tar_at_far
from pipeline.evaluation.subjects import NOBODY, named
from pipeline.types import Float32, Int64

LEAST_FALSE_ACCEPTS = 10
"""Below so many, a true accept rate says more of a few impostors than of the network."""


class Best(NamedTuple):
    """Best scores of the e probes that were enrolled.

    Attributes:
        own: float32 (e,), with the own subject, NaN where a probe met no entry of it.
        other: float32 (e,), with another subject, NaN where it met none; minus infinity where all
            that is known is that it lies below ``own``.
    """

    own: Float32
    other: Float32


@dataclass(frozen=True)
class Recognition:
    """What one fold gave.

    Attributes:
        metrics: numbers by name; rates have a value, n and a 95 % interval.
        roc: float64 (2, k), FAR and TAR, failures counted; empty where there are none.
        cmc: float64 (r,), from rank 1 on, failures counted; empty where there is none.
        best: what the probes' search found; None where pairs are listed.
    """

    metrics: dict[str, Any]
    roc: NDArray[np.float64]
    cmc: NDArray[np.float64]
    best: Best | None = None


NO_ROC: NDArray[np.float64] = np.empty((2, 0))
NO_CMC: NDArray[np.float64] = np.empty(0)


def rate(value: float | None, n: int, interval: Interval | None) -> dict[str, Any]:
    """Write a rate."""
    return {
        "value": None if value is None else round(value, 6),
        "n": n,
        "ci95": None if interval is None else [round(bound, 4) for bound in interval],
    }


def mean_rate(values: ArrayLike, subjects: ArrayLike) -> dict[str, Any]:
    """Write the mean of shares, float (n,), with its interval over subjects.

    Args:
        values: what was hit or missed, or measures in [0, 1].
        subjects: (n,), names or, as int64, the numbers of ``Side.subjects``.
    """
    measured = np.asarray(values, np.float64)
    value = float(measured.mean()) if len(measured) else None
    return rate(value, len(measured), _over_subjects(measured, subjects))


def _over_subjects(values: ArrayLike, subjects: ArrayLike) -> Interval | None:
    owners = np.asarray(subjects)
    return share_interval(values, named(owners) if owners.dtype.kind == "i" else owners)


def far_point(curve: ScoreCurve, far: float) -> OperatingPoint:
    """Read the true accept rate off; no number below ``LEAST_FALSE_ACCEPTS`` false accepts."""
    return tar_at_far(curve, far, least_accepts=LEAST_FALSE_ACCEPTS)


def point_rate(
    point: OperatingPoint, value: float | None, n: int, interval: Interval | None
) -> dict[str, Any]:
    """Write a rate at an operating point, or why there is none.

    The point alone has no true accept rate where no genuine pair could be compared; of pairs that
    were tried the rate is 0, then.
    """
    if value is None or point.achieved_far is None:
        return rate(None, n, None) | {"achieved_far": None, "reason": point.reason}
    return rate(value, n, interval) | {"achieved_far": round(point.achieved_far, 8)}


def accepted_rate(
    curve: ScoreCurve, far: float, scores: NDArray[np.float32], subjects: Int64
) -> dict[str, Any]:
    """Write the true accept rate of listed genuine pairs at a false accept rate.

    Args:
        curve: of what was compared.
        far: the target.
        scores: float32 (n,), of all genuine pairs that were tried; minus infinity where a side was
            not enrolled, which is a miss.
        subjects: int64 (n,), whose pair each is. The interval resamples them at the threshold
            found, so it leaves out how uncertain the threshold is.
    """
    point = far_point(curve, far)
    if point.threshold is None or not len(scores):
        return point_rate(point, None, len(scores), None)
    accepted = scores >= np.float64(point.threshold)
    interval = _over_subjects(accepted, subjects)
    return point_rate(point, float(np.mean(accepted)), len(scores), interval)


def ranked_rate(
    impostor: NDArray[np.float32], far: float, scores: NDArray[np.float32], subjects: Int64
) -> dict[str, Any]:
    """Write the true accept rate at the impostor score of a rank, as ``Threshold.RANKED`` says.

    Args:
        impostor: float32 (m,), scores of impostor pairs.
        far: the target.
        scores: as of ``accepted_rate``.
        subjects: likewise.

    Reference:
        lingjiantian/IJBC-attribute, 2021: ``sorted impostor scores[round(n · FAR) − 1]``, accept ≥.
    """
    rank = round(len(impostor) * far)
    if not len(scores):
        return rate(None, 0, None) | {"achieved_far": None, "reason": "no genuine comparisons"}
    if rank < LEAST_FALSE_ACCEPTS:
        reason = f"{len(impostor)} impostor pairs give {rank} false accepts at FAR {far:g}"
        return rate(None, len(scores), None) | {"achieved_far": None, "reason": reason}
    threshold = np.partition(impostor, len(impostor) - rank)[len(impostor) - rank]
    accepted = scores >= threshold
    achieved = float(np.mean(impostor >= threshold))
    found = rate(float(np.mean(accepted)), len(scores), _over_subjects(accepted, subjects))
    return found | {"achieved_far": round(achieved, 8)}


def reached_by_rank(ranks: Int64, most: int) -> NDArray[np.float64]:
    """Return the share of probes whose rank is 1, at most 2 … at most ``most``; 0 is a miss."""
    if not len(ranks):
        return np.full(most, np.nan)
    return np.array([np.mean((ranks > 0) & (ranks <= k)) for k in range(1, most + 1)])


def rivals(gallery: Int64, most: int) -> int:
    """Return how many ranks there are: of people, each stranger another one, at most ``most``.

    Args:
        gallery: int64 (m,), subjects of what is enrolled, ``NOBODY`` where one is not known.
        most: not more than these.
    """
    known = gallery[gallery != NOBODY]
    return min(most, len(np.unique(known)) + len(gallery) - len(known))


def over_folds(folds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Join the metrics of folds: of one, its own; of several, mean, deviation and all rows.

    Of false accept rates that were achieved it is the mean. Where a fold has no value, there is
    none of all, and the reason of the first such fold.

    Args:
        folds: ``Recognition.metrics`` of each fold.
    """
    if len(folds) == 1:
        return folds[0]
    joined: dict[str, Any] = {}
    for name, first in folds[0].items():
        each = [fold[name] for fold in folds]
        if isinstance(first, dict) and "value" not in first:
            joined[name] = over_folds(each)
        elif isinstance(first, dict):
            joined[name] = _joined(each)
        else:
            joined[name] = sum(each)
    return joined


def fold_interval(values: NDArray[np.float64]) -> Interval | None:
    """Return the 95 % interval of a share's mean over folds, by Student's t; None of a single one.

    What lies beyond 0 or 1 is cut off.
    """
    from scipy.special import stdtrit  # slow to import

    if len(values) < 2:
        return None
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    reach = float(stdtrit(len(values) - 1, 0.975)) * error
    return max(0.0, float(values.mean()) - reach), min(1.0, float(values.mean()) + reach)


def _joined(rates: Sequence[dict[str, Any]]) -> dict[str, Any]:
    values = [rate["value"] for rate in rates]
    known = [value for value in values if value is not None]
    whole = len(known) == len(values)
    joined: dict[str, Any] = {
        "value": round(float(np.mean(known)), 6) if whole else None,
        "std": round(float(np.std(known, ddof=1)), 4) if whole else None,
        "folds": values,
    }
    if "n" in rates[0]:
        joined["n"] = sum(rate["n"] for rate in rates)
    if "achieved_far" in rates[0]:
        achieved = [rate["achieved_far"] for rate in rates]
        joined["achieved_far"] = round(float(np.mean(achieved)), 8) if whole else None
    if reasons := [rate["reason"] for rate in rates if rate.get("reason")]:
        joined["reason"] = f"in {len(values) - len(known)} of {len(values)} folds {reasons[0]}"
    return joined
