"""How far features tell synthetic faces from real ones: the measured size of the modality.

All of it is of unit-length features, as recognition compares them, and of subjects who were held
out; intervals resample subjects.

Reference:
    DMFR paper, section "Analysis", table 1 and figure 5. KID: M. Bińkowski et al., Demystifying MMD
    GANs, ICLR 2018. CKA: S. Kornblith et al., Similarity of neural network representations
    revisited, ICML 2019, linear.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.bootstrap import RESAMPLES, Interval
from pipeline.evaluation.rates import rate
from pipeline.rng import seed_for
from pipeline.types import Bool, Float64, Int64

RIDGE = 1.0
"""Weight of the probe's penalty, in units of the number of dimensions."""
LARGE = 0.8
"""From this on, a standardised difference counts as large (J. Cohen, 1988)."""
_KERNEL_ROWS = 1024


def unit(features: NDArray[np.floating]) -> Float64:
    """Return features (n, d) at unit length."""
    values = np.asarray(features, np.float64)
    made: Float64 = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return made


class Probed(NamedTuple):
    """What a linear probe says of features of subjects whom it did not see.

    Attributes:
        scores: float64 (n,).
        positive: bool (n,), what is right.
        subjects: (n,).
    """

    scores: Float64
    positive: Bool
    subjects: Sequence[str]


def probed(
    features: Float64, positive: Bool, subjects: Sequence[str], *, folds: int, seed: int
) -> Probed:
    """Score each feature by a linear probe that saw no feature of its subject.

    The probe is a ridge regression of ±1 on standardised dimensions.

    Args:
        features: (n, d), unit length.
        positive: bool (n,), some of both.
        subjects: (n,).
        folds: parts that the subjects are dealt out to.
        seed: of the deal.

    Returns:
        With scores of NaN where there are fewer than two subjects.
    """
    names = sorted(set(subjects), key=lambda name: seed_for(seed, name))
    parts = min(folds, len(names))
    if parts < 2:
        return Probed(np.full(len(features), np.nan), positive, subjects)
    part_of = {name: place % parts for place, name in enumerate(names)}
    part = np.array([part_of[name] for name in subjects])
    scores = np.zeros(len(features))
    for number in range(parts):
        held = part == number
        scores[held] = _ridge(features[~held], positive[~held], features[held])
    return Probed(scores, positive, subjects)


def auc_draws(probes: Sequence[Probed]) -> Float64:
    """Return the mean AUC of some probes: as measured, then of resampled subjects.

    The AUC is the chance that a positive scores higher than a negative, ties counted half. Subjects
    are drawn alike for all probes of the same ones: draws can be subtracted. A subject that is
    drawn twice is still one: its own pairs count twice, not four times; those of two subjects
    n / (n - 1) times, as two are drawn together that much more seldom. Else draws would lean to
    what is found within subjects.

    Args:
        probes: one or more.

    Returns:
        float64 (1 + RESAMPLES,); NaN where one kind is missing, or a score is not finite.
    """
    names = sorted({name for each in probes for name in each.subjects})
    draws = np.random.default_rng(0).integers(0, len(names), (RESAMPLES, len(names)))
    drawn = np.stack([np.bincount(draw, minlength=len(names)) for draw in draws])
    weights = np.concatenate([np.ones((1, len(names))), drawn])
    made: Float64 = np.mean([_drawn_aucs(each, names, weights) for each in probes], axis=0)
    return made


def _drawn_aucs(probe: Probed, names: Sequence[str], weights: Float64) -> Float64:
    """Return the AUC for each row of weights (r, subjects), of which the first is all ones."""
    if not np.isfinite(probe.scores).all():
        return np.full(len(weights), np.nan)
    people = len(names)
    own = np.searchsorted(names, list(probe.subjects))
    together = np.full(len(weights), people / max(1, people - 1))
    together[0] = 1.0  # as measured: each subject once
    above, pairs = _won_pairs(probe, own, people)
    counts = []
    for of_subjects in (above, pairs):
        within = np.diag(of_subjects).copy()
        np.fill_diagonal(of_subjects, 0.0)
        between = ((weights @ of_subjects) * weights).sum(axis=1)
        counts.append(together * between + weights @ within)
    with np.errstate(invalid="ignore"):
        found: Float64 = counts[0] / counts[1]
    return found


def _won_pairs(probe: Probed, own: Int64, people: int) -> tuple[Float64, Float64]:
    """Count pairs of a positive and a negative by their subjects, (people, people) each.

    Returns:
        Pairs in which the positive scores higher, ties counted half; all pairs.
    """
    asked, owners = probe.scores[probe.positive], own[probe.positive]
    above, pairs = np.zeros((people, people)), np.zeros((people, people))
    for other in range(people):
        known = np.sort(probe.scores[~probe.positive & (own == other)])
        below, reached = (np.searchsorted(known, asked, side) for side in ("left", "right"))
        above[:, other] = np.bincount(owners, (below + reached) / 2, people)
        pairs[:, other] = np.bincount(owners, minlength=people) * len(known)
    return above, pairs


def drawn_rate(draws: Float64, n: int) -> dict[str, Any]:
    """Write what ``auc_draws`` returned, or a difference of two such, with its interval."""
    known = draws[1:][np.isfinite(draws[1:])]
    if not np.isfinite(draws[0]) or len(known) < RESAMPLES // 2:
        return rate(None, n, None)
    low, high = np.percentile(known, [2.5, 97.5])
    return rate(float(draws[0]), n, (float(low), float(high)))


def _ridge(known: Float64, positive: Bool, asked: Float64) -> Float64:
    mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-9
    known, asked = (known - mean) / spread, (asked - mean) / spread
    target = np.where(positive, 1.0, -1.0)
    target -= target.mean()
    count, width = known.shape
    if count > width:  # either system has the same solution: the smaller one is solved
        square = known.T @ known + RIDGE * width * np.eye(width)
        weights = np.linalg.solve(square, known.T @ target)
    else:
        square = known @ known.T + RIDGE * width * np.eye(count)
        weights = known.T @ np.linalg.solve(square, target)
    found: Float64 = asked @ weights
    return found


class Similarities:
    """Mean cosines between features of the same and of different subjects.

    Args:
        features: (n, d), unit length.
        subjects: (n,).
        synthetic: bool (n,).
        seed: of the intervals.
    """

    def __init__(
        self, features: Float64, subjects: Sequence[str], synthetic: Bool, *, seed: int = 0
    ) -> None:
        names, own = np.unique(np.asarray(subjects), return_inverse=True)
        self._sums = np.zeros((2, len(names), features.shape[1]))
        self._counts = np.zeros((2, len(names)))
        np.add.at(self._sums, (synthetic.astype(int), own), features)
        np.add.at(self._counts, (synthetic.astype(int), own), 1.0)
        draws = np.random.default_rng(seed).integers(0, len(names), (RESAMPLES, len(names)))
        self._weights = np.stack([np.bincount(d, minlength=len(names)) for d in draws]).astype(
            np.float64
        )

    def interclass(self) -> dict[str, Any]:
        """Return the mean over pairs of different subjects: of real faces, of both, of made."""
        return {
            "real_real": self._between(self._sums[0], self._sums[0], 0, 0),
            "real_synthetic": self._between(self._sums[0], self._sums[1], 0, 1),
            "synthetic_synthetic": self._between(self._sums[1], self._sums[1], 1, 1),
        }

    def set_of(self, *kinds: int) -> dict[str, Any]:
        """Return a row of the paper's table 1: of real samples (0), made ones (1), or both."""
        sums, counts = self._sums[list(kinds)].sum(axis=0), self._counts[list(kinds)].sum(axis=0)
        same = (sums * sums).sum(axis=1) - counts
        pairs = counts * (counts - 1)
        products, numbers = sums @ sums.T, np.outer(counts, counts)
        return {
            "intra_class": _ratio(same, pairs, self._weights),
            "inter_class": _apart(products, numbers, self._weights),
        }

    def _between(self, first: Float64, second: Float64, one: int, other: int) -> dict[str, Any]:
        numbers = np.outer(self._counts[one], self._counts[other])
        return _apart(first @ second.T, numbers, self._weights)


def _apart(products: Float64, numbers: Float64, weights: Float64) -> dict[str, Any]:
    """Return the mean of products over pairs of different subjects."""
    products, numbers = products.copy(), numbers.copy()
    np.fill_diagonal(products, 0.0)
    np.fill_diagonal(numbers, 0.0)
    count = int(numbers.sum())
    if not count:
        return rate(None, 0, None)
    above = np.einsum("rs,st,rt->r", weights, products, weights, optimize=True)
    below = np.einsum("rs,st,rt->r", weights, numbers, weights, optimize=True)
    return rate(float(products.sum() / count), count, _bounds(above, below))


def _ratio(sums: Float64, counts: Float64, weights: Float64) -> dict[str, Any]:
    count = int(counts.sum())
    if not count:
        return rate(None, 0, None)
    return rate(float(sums.sum() / count), count, _bounds(weights @ sums, weights @ counts))


def _bounds(above: Float64, below: Float64) -> Interval | None:
    found = above[below > 0] / below[below > 0]
    if len(found) < RESAMPLES // 2:
        return None
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def kid(real: Float64, made: Float64) -> float:
    """Return the unbiased squared MMD of two sets of unit features by the kernel (cosine + 1)³.

    KID's own kernel is (x·y / d + 1)³; unit features of mean square 1 make the first term a cosine.

    Args:
        real: (n, d), two or more.
        made: (m, d), likewise.
    """
    within = [
        (_cubed(side, side) - (((side * side).sum(axis=1) + 1.0) ** 3).sum())
        / (len(side) * (len(side) - 1))
        for side in (real, made)
    ]
    return float(within[0] + within[1] - 2.0 * _cubed(real, made) / (len(real) * len(made)))


def _cubed(first: Float64, second: Float64) -> float:
    """Return the sum of KID's kernel over all pairs, some thousand rows of the matrix at a time."""
    starts = range(0, len(first), _KERNEL_ROWS)
    blocks = ((first[n : n + _KERNEL_ROWS] @ second.T + 1.0) ** 3 for n in starts)
    return float(sum(block.sum() for block in blocks))


def cka(first: Float64, second: Float64) -> float:
    """Return the linear CKA of two representations (n, d), (n, e) of the same n samples: 0 to 1."""
    one, other = (each - each.mean(axis=0) for each in (first, second))
    inner = float(np.square(one.T @ other).sum())
    norms = [float(np.linalg.norm(each.T @ each)) for each in (one, other)]
    return inner / max(norms[0] * norms[1], 1e-12)


def effects(features: Float64, pairs: Int64) -> Float64:
    """Return how far each dimension moves from a real face to what was made of it.

    Args:
        features: (n, d).
        pairs: int64 (2, p), places of real faces, and of what was made of each.

    Returns:
        float64 (d,): mean difference over the real faces' standard deviation.
    """
    real, made = features[pairs[0]], features[pairs[1]]
    moved: Float64 = (made - real).mean(axis=0) / (real.std(axis=0) + 1e-9)
    return moved
