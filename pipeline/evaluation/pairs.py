"""Accuracy on lists of pairs, by folds (LFW, CFP, YTF)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy of each fold at the threshold that the other folds chose.

    Attributes:
        accuracy: float64 (folds,).
        thresholds: float64 (folds,).
    """

    accuracy: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Mean over the folds."""
        return float(self.accuracy.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of that mean, as LFW's protocol asks for."""
        return float(self.accuracy.std(ddof=1) / np.sqrt(len(self.accuracy)))


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
