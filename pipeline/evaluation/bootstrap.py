"""Confidence intervals: resampling subjects, not images, as one subject's are not independent."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.curve import ScoreCurve, tar_at_far
from pipeline.evaluation.subjects import NOBODY, codes_of
from pipeline.types import Float64

RESAMPLES = 1000
LEAST_RESAMPLES = 50
"""Of fewer the ends of a 95 % interval are those of one resample or two."""
LEVEL_PERCENT = 95.0
NORMAL_95 = 1.959964
MOST_DRAWN = 50_000
"""Subjects that are drawn anew: of more, a normal distribution is as good and small in memory."""

Interval = tuple[float, float]


def mean_interval(
    values: ArrayLike, subjects: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """Return the 95 % percentile interval of a mean, by resampling whole subjects.

    Quickly: from each subject's sum and count. Of more than ``MOST_DRAWN`` subjects it is that of a
    normal distribution, whose variance is that of the subjects' sums about the mean.

    Args:
        values: (n,) measurements; those that are not finite are left out.
        subjects: (n,), whose measurement each is; None, NaN and the empty text are nobody, each
            another one.
        resamples: number of resamples.
        seed: of the generator.

    Returns:
        Lower and upper bound, or None where fewer than two subjects were measured.

    Raises:
        ValueError: the shapes differ, or subjects are text beside numbers.

    Reference:
        B. Efron, R. Tibshirani, An introduction to the bootstrap, 1993, section 13.3; by subjects:
        R. Bolle et al., Error analysis of pattern recognition systems: the subsets bootstrap, CVIU
        93(1), 2004.
    """
    measured, group, count = _by_subject(values, subjects)
    if count < 2:
        return None
    sums = np.bincount(group, weights=measured)
    counts = np.bincount(group)
    if count > MOST_DRAWN:
        mean = float(measured.mean())
        reach = NORMAL_95 * float(np.sqrt(np.square(sums - mean * counts).sum())) / len(measured)
        return mean - reach, mean + reach
    draws = np.random.default_rng(seed).integers(0, count, (resamples, count))
    return _interval(sums[draws].sum(1) / counts[draws].sum(1))


def share_interval(values: ArrayLike, subjects: ArrayLike) -> Interval | None:
    """Return ``mean_interval`` of shares in [0, 1], (n,); Wilson's where all are 0 or all are 1.

    Resampling would give such a rate an interval of no width. Wilson's counts each subject once.
    """
    measured = np.asarray(values, np.float64)
    known = measured[np.isfinite(measured)]
    if not len(known) or (known.any() and (known != 1).any()):
        return mean_interval(values, subjects)
    _, _, count = _by_subject(values, subjects)
    return wilson_interval(float(known[0]), count) if count >= 2 else None


def wilson_interval(share: float, count: int) -> Interval:
    """Return Wilson's 95 % interval of a share in [0, 1] of so many independent trials, 1 or more.

    Reference:
        E. Wilson, Probable inference, the law of succession, and statistical inference, Journal of
        the American Statistical Association 22, 1927.
    """
    wide = NORMAL_95**2 / count
    middle = (share + wide / 2) / (1 + wide)
    reach = math.sqrt(wide * (share * (1 - share) + wide / 4)) / (1 + wide)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def median_interval(
    values: ArrayLike, subjects: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """Return the interval of a median as ``mean_interval``: the values are sorted once for all."""
    measured, group, count = _by_subject(values, subjects)
    if count < 2:
        return None
    order = np.argsort(measured, kind="stable")
    ordered, group = measured[order], group[order]
    draws = np.random.default_rng(seed).integers(0, count, (resamples, count))
    times = (np.bincount(draw, minlength=count)[group] for draw in draws)
    return _interval([_median_of_repeated(ordered, count) for count in times])


class VerificationBootstrap:
    """Intervals of verification rates, by resampling subjects on both sides at once.

    A subject drawn k times stands k times among the probes and k times in the gallery: a genuine
    comparison then weighs k, an impostor comparison the product of both subjects' counts. Who is
    nobody stays once in each resample. For comparisons that fit into memory.

    Attributes:
        times: int64 (resamples, subjects + 2), how often each subject stands in each resample, in
            the order of their names; two nobodies, of probes and of the gallery, come last.
    """

    def __init__(
        self,
        scores: ArrayLike,
        probe_subjects: ArrayLike,
        gallery_subjects: ArrayLike,
        *,
        left_out: ArrayLike | None = None,
        tried: ArrayLike | None = None,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> None:
        """Sort the scores once.

        Args:
            scores: (n, m), finite where they count; or (k,), those of listed pairs.
            probe_subjects: (n,) or (k,); None, NaN and the empty text are nobody.
            gallery_subjects: (m,) or (k,), likewise.
            left_out: bool as the scores, comparisons that do not count; by default all do.
            tried: (t,), the subject of each genuine comparison that was tried, also where an image
                was not enrolled: TAR is then of these. By default it is of those made.
            resamples: number of resamples.
            seed: of the generator.

        Raises:
            ValueError: shapes do not fit, or subjects are text on one side and numbers on the
                other.
        """
        matrix = np.asarray(scores, np.float64)
        probe, gallery, owners = codes_of(
            probe_subjects, gallery_subjects, () if tried is None else tried
        )
        listed = matrix.ndim == 1
        if (len(probe), len(gallery)) != (matrix.shape * 2 if listed else matrix.shape):
            raise ValueError(
                f"scores {matrix.shape} are not those of {len(probe)} probes and {len(gallery)} "
                "entries of the gallery"
            )
        known = 1 + max(int(codes.max(initial=NOBODY)) for codes in (probe, gallery, owners))
        # Two more subjects, which are no mates and weigh 1: nobody among probes and in the gallery.
        probe, gallery = (
            np.where(codes == NOBODY, known + side, codes)
            for side, codes in enumerate((probe, gallery))
        )
        used = np.ones(matrix.shape, bool) if left_out is None else ~np.asarray(left_out, bool)
        places = np.nonzero(used)
        values = matrix[places]
        order = np.argsort(-values, kind="stable")
        self._probe, self._gallery = probe[places[0][order]], gallery[places[-1][order]]
        ordered = values[order]
        self._is_last = np.r_[ordered[1:] != ordered[:-1], True][: len(ordered)]
        self._thresholds = ordered[self._is_last]
        self._last = np.flatnonzero(self._is_last)
        pairs, self._pair_count = np.unique(
            self._probe * (known + 2) + self._gallery, return_counts=True
        )
        self._pair_probe, self._pair_gallery = np.divmod(pairs, known + 2)
        self.times = _times_drawn(known, resamples, seed)
        counts = np.bincount(owners[owners != NOBODY], minlength=known)
        self._tried = None if tried is None else self.times[:, :known] @ counts

    def curves(self) -> Iterator[ScoreCurve]:
        """Yield the curve of each resample; counts are those of the weighted comparisons."""
        genuine = self._probe == self._gallery
        thresholds = np.concatenate([[np.inf], self._thresholds])
        return (self._curve(times, genuine, thresholds) for times in self.times)

    def eer_interval(self) -> Interval | None:
        """Return the interval of the equal error rate, None where most resamples have none."""
        return _known_interval(self._errors())

    def intervals(self, fars: Sequence[float]) -> tuple[Interval | None, list[Interval | None]]:
        """Return ``eer_interval``, and the interval of TAR at each rate, each curve made once."""
        errors, rates = self.draws(fars)
        return _known_interval(errors), [_known_interval(each) for each in rates]

    def draws(self, fars: Sequence[float]) -> tuple[Float64, Float64]:
        """Return each resample's EER (resamples,) and TARs (rates, resamples); NaN for no number.

        Two comparisons of the same people draw the same ones.
        """
        rates = np.array(self._tars(fars), np.float64).reshape(len(self.times), len(fars))
        return self._errors(), np.ascontiguousarray(rates.T)

    def _errors(self) -> Float64:
        """Return each resample's EER, NaN for no number."""
        return np.array([self._eer(times) for times in self.times], np.float64)

    def _tars(self, fars: Sequence[float]) -> list[list[float | None]]:
        """Return each resample's TAR at each rate; who failed to enrol is drawn, too."""
        found = []
        for number, curve in enumerate(self.curves()):
            made = 1.0 if self._tried is None else curve.genuine / max(1, int(self._tried[number]))
            tars = [tar_at_far(curve, far).tar for far in fars]
            found.append([None if tar is None else made * tar for tar in tars])
        return found

    def _eer(self, times: NDArray[np.int64]) -> float | None:
        """Return ``eer`` of a resample's curve, without drawing the curve up."""
        from pipeline.evaluation.kernels import resampled_eer  # numba: only who compares waits

        own = self._pair_probe == self._pair_gallery
        once = times[self._pair_probe] * self._pair_count
        genuine = int(once[own].sum())
        impostor = int((once * times[self._pair_gallery])[~own].sum())
        if not (genuine and impostor):
            return None
        columns = (self._probe, self._gallery, self._is_last)
        return float(resampled_eer(*columns, times, impostor, genuine))

    def _curve(
        self, times: NDArray[np.int64], genuine: NDArray[np.bool_], thresholds: Float64
    ) -> ScoreCurve:
        weight = times[self._probe]
        impostor = np.where(genuine, 0, weight * times[self._gallery])
        false_accepts, true_accepts = (
            np.concatenate([[0], np.cumsum(each)[self._last]])
            for each in (impostor, np.where(genuine, weight, 0))
        )
        last = int(false_accepts[-1]), int(true_accepts[-1])
        return ScoreCurve(thresholds, false_accepts, true_accepts, *last)


def _times_drawn(known: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """Draw how often each subject stands in each resample; two nobodies come last, once each."""
    times = np.ones((resamples, known + 2), np.int64)
    if known:  # none where every comparison failed, or nobody is known
        times[:, :known] = np.random.default_rng(seed).multinomial(
            known, np.full(known, 1 / known), size=resamples
        )
    return times


def _median_of_repeated(ordered: Float64, times: NDArray[np.int64]) -> float:
    """Return the median of rising values that occur so many times each."""
    ends = np.cumsum(times)
    middle = [(ends[-1] - 1) // 2, ends[-1] // 2]
    return float(ordered[np.searchsorted(ends, middle, side="right")].mean())


def _known_interval(values: Float64) -> Interval | None:
    known = values[~np.isnan(values)]
    return _interval(known) if len(known) > len(values) / 2 else None


def _interval(values: ArrayLike) -> Interval:
    tail = (100.0 - LEVEL_PERCENT) / 2
    low, high = np.percentile(np.asarray(values, np.float64), [tail, 100.0 - tail])
    return float(low), float(high)


def _by_subject(
    values: ArrayLike, subjects: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.intp], int]:
    """Return the finite values, the number of each one's subject, and how many subjects there are.

    Each value of nobody is a subject of its own.

    Raises:
        ValueError: the two differ in length, or subjects are text beside numbers.
    """
    measured, owner = np.asarray(values, np.float64), np.asarray(subjects)
    if measured.ndim != 1 or measured.shape != owner.shape:
        raise ValueError(f"expected (n,) twice, got {measured.shape}, {owner.shape}")
    finite = np.isfinite(measured)
    (group,) = codes_of(owner[finite])
    alone, known = group == NOBODY, int(group.max(initial=NOBODY)) + 1
    group[alone] = known + np.arange(int(alone.sum()))
    return measured[finite], group, known + int(alone.sum())
