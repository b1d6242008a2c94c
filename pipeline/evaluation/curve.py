"""Verification: what is accepted at each threshold, and the numbers read off it.

A comparison is accepted where its score is at or above the threshold, so equal scores are accepted
together.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.types import Float64


@dataclass(frozen=True)
class ScoreCurve:
    """How many comparisons are accepted at falling thresholds.

    Attributes:
        thresholds: float64 (k,), falling, the first infinite.
        false_accepts: int64 (k,), impostor comparisons accepted, rising from 0.
        true_accepts: int64 (k,), genuine comparisons accepted, rising from 0.
        impostor: number of impostor comparisons.
        genuine: number of genuine comparisons.
    """

    thresholds: Float64
    false_accepts: NDArray[np.int64]
    true_accepts: NDArray[np.int64]
    impostor: int
    genuine: int

    @property
    def far(self) -> Float64:
        """False accept rate at each threshold; NaN without impostor comparisons."""
        return _rate(self.false_accepts, self.impostor)

    @property
    def tar(self) -> Float64:
        """True accept rate at each threshold; NaN without genuine comparisons."""
        return _rate(self.true_accepts, self.genuine)


@dataclass(frozen=True)
class OperatingPoint:
    """True accept rate (verification rate) at a false accept rate.

    Attributes:
        achieved_far: what the threshold gives: the highest rate at or below the one asked for.
        tar: true accept rate, None where there is no number.
        threshold: scores at or above it are accepted.
        reason: why there is no number.
    """

    achieved_far: float | None = None
    tar: float | None = None
    threshold: float | None = None
    reason: str | None = None


def curve_of_scores(genuine: ArrayLike, impostor: ArrayLike) -> ScoreCurve:
    """Make the curve of score lists, with a threshold at every score there is.

    Raises:
        ValueError: a score is not finite.
    """
    own, other = (np.asarray(side, np.float64).ravel() for side in (genuine, impostor))
    scores = np.unique(np.concatenate([own, other]))[::-1]
    if not np.isfinite(scores).all():
        raise ValueError("scores have to be finite: leave failures to enrol out and count them")
    counts = [
        len(side) - np.searchsorted(np.sort(side), scores, "left").astype(np.int64)
        for side in (other, own)
    ]
    return ScoreCurve(
        np.r_[np.inf, scores], np.r_[0, counts[0]], np.r_[0, counts[1]], len(other), len(own)
    )


def accepts_allowed(far: float, impostor: int) -> int:
    """Return how many false accepts a rate allows; decimals count as written (0.1 is 1/10).

    Raises:
        ValueError: the rate is not in (0, 1].
    """
    if not 0.0 < far <= 1.0:
        raise ValueError(f"false accept rate {far}: expected above 0 and at most 1")
    rate = _as_written(float(far))
    return rate.numerator * int(impostor) // rate.denominator


@cache
def _as_written(rate: float) -> Fraction:
    return Fraction(str(rate))


def tar_at_far(
    curve: ScoreCurve, far: float, *, least_accepts: int = 1, of: str = "impostor comparisons"
) -> OperatingPoint:
    """Read the true accept rate off at a false accept rate.

    The threshold is the lowest one whose false accept rate does not exceed the target. Where equal
    impostor scores lie at the border, all of them are refused, so the achieved rate may be lower.

    Args:
        curve: the comparisons.
        far: the target, in (0, 1].
        least_accepts: false accepts that the rate has to allow, or there is no number.
        of: what may be falsely accepted, for the reason.

    Returns:
        The point; without a number where fewer impostor comparisons were made than so many false
        accepts at this rate need. Without genuine ones it has a threshold and no true accept rate.

    Raises:
        ValueError: the target is not in (0, 1].
    """
    allowed = accepts_allowed(far, curve.impostor)
    if allowed < least_accepts:
        rate = _as_written(float(far))
        needed = -(-least_accepts * rate.denominator // rate.numerator)
        return OperatingPoint(reason=f"too few {of}: {curve.impostor} of at least {needed}")
    at = int(np.searchsorted(curve.false_accepts, allowed, "right")) - 1
    achieved, threshold = float(curve.false_accepts[at] / curve.impostor), curve.thresholds[at]
    if not curve.genuine:
        reason = "no genuine comparisons"
        return OperatingPoint(achieved, None, float(threshold), reason)
    accepted = float(curve.true_accepts[at] / curve.genuine)
    return OperatingPoint(achieved, accepted, float(threshold))


def eer(curve: ScoreCurve) -> float | None:
    """Return the equal error rate, None without genuine or impostor comparisons.

    It is where FAR = 1 − TAR on the ROC with straight lines between neighbouring thresholds.
    """
    if not (curve.genuine and curve.impostor):
        return None
    far, frr = curve.far, 1.0 - curve.tar
    at = int(np.argmax(far >= frr))  # the last threshold accepts all: there is one
    if at == 0:
        return float(far[0])
    gap_before, gap_after = frr[at - 1] - far[at - 1], far[at] - frr[at]
    share = gap_before / (gap_before + gap_after)
    return float(far[at - 1] + share * (far[at] - far[at - 1]))


def roc(curve: ScoreCurve, most_points: int = 1000) -> tuple[Float64, Float64]:
    """Return FAR and TAR for drawing: at most so many points, spread evenly over log FAR.

    Every point is one that a threshold gives; nothing is interpolated.
    """
    far, tar = curve.far, curve.tar
    if len(far) <= most_points:
        return far, tar
    lowest = 1.0 / max(1, curve.impostor)
    wanted = np.r_[0.0, np.geomspace(lowest, 1.0, most_points - 2), 1.0]
    at = np.unique(np.r_[np.searchsorted(far, wanted, "right") - 1, len(far) - 1])
    return far[at], tar[at]


def far_name(far: float) -> str:
    """Name a rate as metrics files do: 0.001 is ``1e-3``."""
    mantissa, _, exponent = f"{far:e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _rate(counts: NDArray[np.int64], total: int) -> Float64:
    return counts / total if total else np.full(len(counts), np.nan)
