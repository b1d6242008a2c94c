"""Triplet losses whose negative is the most similar of the batch, or of a queue."""

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor


def hardest_prototype_triplet(
    positive: Tensor, negatives: Tensor, allowed: Tensor, margin: float
) -> Tensor:
    """Return [S_n − S_p + m]₊ with the most similar allowed prototype as negative.

    Args:
        positive: (n,), cosine to the partner's prototype.
        negatives: (n, k), cosines to the queue.
        allowed: bool (n, k); False leaves a prototype out.
        margin: m.

    Returns:
        (n,); 0 where no prototype is allowed.

    Reference:
        HSST paper, section III-B (triplet as feature embedding loss); F. Schroff et al., FaceNet,
        CVPR 2015. Which negatives the paper takes is unpublished: ours is the hardest.
    """
    hardest = negatives.masked_fill(~allowed, -torch.inf).amax(dim=1)
    return (hardest - positive + margin).clamp_min(0.0)


def cross_band_triplet(first: Tensor, second: Tensor, margin: float) -> Tensor:
    """Return [S_n − S_p + m]₊ of every image with its partner and the batch's nearest negative.

    Args:
        first: (n, d), features of one band, each of another subject, n ≥ 2.
        second: (n, d), the same subjects in the other band.
        margin: m.

    Returns:
        (2 n,): of the first band's images as anchors, then of the second's.

    Reference:
        HSST paper, section III-B, plain training; F. Schroff et al., FaceNet, CVPR 2015. The form
        is that of ``hardest_prototype_triplet``. The nearest negative may be of either band; HSST's
        is of the partner's band alone, so the two trainings differ in that, too.
    """
    first, second = F.normalize(first), F.normalize(second)
    images = torch.cat([first, second])
    subject = torch.arange(len(first), device=first.device).repeat(2)
    positive = (first * second).sum(dim=1).repeat(2)
    negatives = subject[:, None] != subject
    return hardest_prototype_triplet(positive, images @ images.T, negatives, margin)


def both_ways_triplet(first: Tensor, second: Tensor, margin: float) -> Tensor:
    """Return [‖a − p‖² − ‖a − n‖² + m]₊ on unit features, each band as anchor.

    Args:
        first: (n, d), features of one band, each of another subject, n ≥ 2.
        second: (n, d), the same subjects in the other band.
        margin: m.

    Returns:
        (2 n,): of the first band's images as anchors, then of the second's.

    Reference:
        TRIVET: X. Liu, L. Song, X. Wu, T. Tan, Transferring Deep Representation for NIR-VIS
        Heterogeneous Face Recognition, ICB 2016: a network pretrained on visible faces with ordinal
        activations (max-feature-maps, as in LightCNN) is trained on with two kinds of triplets,
        each band as anchor. Which negatives it takes is described as hard; ours is the nearest in
        the batch. CDL's ranking takes the same triplets.
    """
    cosines = F.normalize(first) @ F.normalize(second).T
    others = ~torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)
    # of unit features ‖a − p‖² is 2 − 2 S_p
    given = cosines.diagonal().repeat(2), torch.cat([cosines, cosines.T]), others.repeat(2, 1)
    return 2.0 * hardest_prototype_triplet(*given, margin / 2)
