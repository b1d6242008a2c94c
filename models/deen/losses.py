"""The losses that hold generated embeddings together and apart.

Reference:
    Y. Zhang, H. Wang, CVPR 2023, section 4; the readings of ``docs/decisions/body-training.md``.
    The weighted triplets: M. Ye et al., Deep learning for person re-identification: a survey and
    outlook, PAMI 44(6), 2022, section 4.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_LEAST = 1e-12
"""Of squared distances: the root has no gradient at 0."""


def orthogonality(features: Tensor) -> Tensor:
    """Return how far generated embeddings of an image are alike: products, summed over pairs.

    Args:
        features: (n, 1 + m, d), the image's own embedding first, then the m generated ones.

    Returns:
        The sum over images and pairs of generated ones, over (1 + m) n.
    """
    generated = features[:, 1:]
    products = (generated @ generated.mT).triu(diagonal=1)
    return products.sum() / (features.shape[0] * features.shape[1])


def center_guided(features: Tensor, labels: Tensor, infrared: Tensor, margin: float) -> Tensor:
    """Return the loss of centre-guided pairs, summed over the generated embeddings.

    Of each subject there are centres c of its own embeddings and c⁺ of generated ones, in both
    bands. With d⁺ = ‖c(other band) − c⁺(band)‖, it is for each band the mean over subjects of::

        [d⁺ − ‖c(band) − c⁺(band)‖ + α]₊
            + ½ [d⁺ − min over others ‖c⁺(band) − c⁺′(band)‖ + α]₊
            + ½ [d⁺ − min over others ‖c(band) − c′(band)‖ + α]₊

    and the mean of the two bands. What is subtracted in the first term has no gradient. Who lacks a
    band does not count.

    Args:
        features: (n, 1 + m, d), the image's own embedding first.
        labels: int64 (n,).
        infrared: bool (n,); the others are visible.
        margin: α.
    """
    _, place = torch.unique(labels, return_inverse=True)
    of_subject = F.one_hot(place).to(features.dtype).T
    sides = [of_subject * side for side in (~infrared, infrared)]
    counts = [side.sum(dim=1) for side in sides]
    whole = (counts[0] > 0) & (counts[1] > 0)
    if not whole.any():
        return features.sum() * 0.0
    centers = [
        torch.einsum("pn,nbd->bpd", side[whole], features) / count[whole][:, None]
        for side, count in zip(sides, counts, strict=True)
    ]
    losses = [
        _pulled(own[0], own[branch], other[0], margin)
        for own, other in (centers, centers[::-1])
        for branch in range(1, features.shape[1])
    ]
    return torch.stack(losses).sum() / 2


def weighted_triplet(features: Tensor, labels: Tensor) -> Tensor:
    """Return ln(1 + e^(Σ w⁺ d⁺ − Σ w⁻ d⁻)), the mean over anchors that have a mate and another.

    Weights are softmaxes: of the distances of an anchor's mates, and of the negative distances of
    all others; it has no margin.

    Args:
        features: (n, d), as they are.
        labels: int64 (n,).
    """
    distances = _distances(features, features)
    same = labels[:, None] == labels
    mates = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    counts = mates.any(dim=1) & ~same.all(dim=1)
    if not counts.any():
        return features.sum() * 0.0
    distances, mates, others = distances[counts], mates[counts], ~same[counts]
    far = distances.masked_fill(~mates, -torch.inf).softmax(dim=1)
    near = (-distances).masked_fill(~others, -torch.inf).softmax(dim=1)
    return F.softplus((far * distances).sum(dim=1) - (near * distances).sum(dim=1)).mean()


def _pulled(own: Tensor, generated: Tensor, other: Tensor, margin: float) -> Tensor:
    """Pull a band's generated centres (p, d) towards the other band's, away from its own."""
    across = _distances(other, generated).diagonal()
    kept = _distances(own, generated).diagonal().detach()
    apart = [_nearest_other(centers) for centers in (generated, own)]
    loss = (across - kept + margin).clamp_min(0.0)
    for nearest in apart:
        loss = loss + 0.5 * (across - nearest + margin).clamp_min(0.0)
    return loss.mean()


def _nearest_other(centers: Tensor) -> Tensor:
    itself = torch.eye(len(centers), dtype=torch.bool, device=centers.device)
    return _distances(centers, centers).masked_fill(itself, torch.inf).amin(dim=1)


def _distances(first: Tensor, second: Tensor) -> Tensor:
    squared = (first[:, None] - second).square().sum(dim=2)
    return squared.clamp_min(_LEAST).sqrt()
