"""Batch-hard triplets on Euclidean distances, and what the hard pairs are.

Reference:
    The body paper, equations 5 to 7. Equation 6 writes one pair for both terms; what is meant is
    A. Hermans, L. Beyer, B. Leibe, In defense of the triplet loss for person re-identification,
    arXiv:1703.07737, equation 5: [Δ + max d(positive) − min d(negative)]₊ of each anchor.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_LEAST = 1e-12
"""Of squared distances: the root has no gradient at 0."""


class HardPairs(NamedTuple):
    """The hardest pairs of a batch's anchors.

    Attributes:
        loss: (n,), 0 where an anchor does not count.
        positive: int64 (n,), farthest of the own subject.
        negative: int64 (n,), nearest of another.
        counts: bool (n,), whether there is one of both.
    """

    loss: Tensor
    positive: Tensor
    negative: Tensor
    counts: Tensor

    def mean(self) -> Tensor:
        """Return the mean loss of the anchors that count, 0 where none does."""
        return self.loss.sum() / self.counts.sum().clamp_min(1)


def batch_hard(features: Tensor, labels: Tensor, margin: float | None) -> HardPairs:
    """Find the hardest positive and negative of each anchor.

    Args:
        features: (n, d), as they are: not of unit length.
        labels: int64 (n,).
        margin: Δ of the hinge; None: the soft margin, ln(1 + e^(d⁺ − d⁻)).
    """
    squared = (features[:, None] - features).square().sum(dim=2)
    distances = squared.clamp_min(_LEAST).sqrt()
    same = labels[:, None] == labels
    mates = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    farthest, positive = distances.masked_fill(~mates, -torch.inf).max(dim=1)
    nearest, negative = distances.masked_fill(same, torch.inf).min(dim=1)
    counts = mates.any(dim=1) & ~same.all(dim=1)
    gap = torch.where(counts, farthest - nearest, 0.0)
    loss = F.softplus(gap) if margin is None else (margin + gap).clamp_min(0.0)
    return HardPairs(torch.where(counts, loss, 0.0), positive, negative, counts)


def hard_pair_shares(pairs: HardPairs, bands: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many hard positives lie across bands, and hard negatives within one: shares.

    Where a batch has one image of each subject in each band, all positives lie across bands: read
    them beside ``random_pair_shares``.

    Args:
        pairs: of a batch.
        bands: int64 (n,), the band of each image.
    """
    count = pairs.counts.sum().clamp_min(1)
    across = (bands != bands[pairs.positive]) & pairs.counts
    within = (bands == bands[pairs.negative]) & pairs.counts
    return across.sum() / count, within.sum() / count


def random_pair_shares(labels: Tensor, bands: Tensor) -> tuple[Tensor, Tensor]:
    """Return the shares of ``hard_pair_shares`` if each pair were any of its sort: expected ones.

    A mean over the anchors that count, of (mates in other bands) / (all mates) and of (others in
    the same band) / (all others).

    Args:
        labels: int64 (n,), the subject of each image.
        bands: int64 (n,), its band.
    """
    same, across = labels[:, None] == labels, bands[:, None] != bands
    mates = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    counts = mates.any(dim=1) & ~same.all(dim=1)
    shares = [
        (wanted & pairs).sum(dim=1) / pairs.sum(dim=1).clamp_min(1)
        for wanted, pairs in ((across, mates), (~across, ~same))
    ]
    positive, negative = (torch.where(counts, share, 0.0).sum() for share in shares)
    count = counts.sum().clamp_min(1)
    return positive / count, negative / count
