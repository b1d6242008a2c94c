"""The conditional triplet loss and its component-adaptive sum.

Reference:
    PRAM + CAT paper, equations 1 and 2; the conditional margin is that of its reference [15].
"""

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor

CONDITIONAL_MARGIN = 0.55


def conditional_triplet(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = CONDITIONAL_MARGIN
) -> Tensor:
    """Return [(S_n + 1) / (S_p + 1) − m]₊ of each triplet, S being cosine similarities.

    The ratio has no bound where anchor and positive point apart; S_p + 1 is therefore kept above
    1e-3, beyond which the gradient would only be noise.

    Args:
        anchor: (…, d).
        positive: (…, d), the anchor's subject in another band.
        negative: (…, d), another subject in the anchor's band.
        margin: m.

    Returns:
        (…).
    """
    to_positive = F.cosine_similarity(anchor, positive, dim=-1) + 1.0
    to_negative = F.cosine_similarity(anchor, negative, dim=-1) + 1.0
    return (to_negative / to_positive.clamp_min(1e-3) - margin).clamp_min(0.0)


def mask_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the intersection over union of masks.

    Args:
        first: bool (…, h, w).
        second: bool (…, h, w).

    Returns:
        float32 (…), 0 where both masks are empty. No gradient passes.
    """
    with torch.no_grad():
        both = (first & second).sum(dim=(-2, -1))
        either = (first | second).sum(dim=(-2, -1))
        return both / either.clamp_min(1)


def component_adaptive_triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    anchor_masks: Tensor,
    positive_masks: Tensor,
    margin: float = CONDITIONAL_MARGIN,
) -> Tensor:
    """Return L_CAT = Σ λ_i L_C of each triplet, λ_i the IoU of component i's masks.

    A component that anchor or positive does not show has λ = 0 and teaches nothing.

    Args:
        anchor: (n, c, d), representative vectors of c components.
        positive: (n, c, d).
        negative: (n, c, d).
        anchor_masks: bool (n, c, h, w), in the frame that both crops share.
        positive_masks: bool (n, c, h, w).
        margin: m.

    Returns:
        (n,).
    """
    weights = mask_iou(anchor_masks, positive_masks).to(anchor.dtype)
    return (weights * conditional_triplet(anchor, positive, negative, margin)).sum(dim=1)


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
    """Return [S_n − S_p + m]₊ of every picture with its partner and the batch's nearest stranger.

    Args:
        first: (n, d), features of one band, each of another subject, n ≥ 2.
        second: (n, d), the same subjects in the other band.
        margin: m.

    Returns:
        (2 n,): of the first band's pictures as anchors, then of the second's.

    Reference:
        HSST paper, section III-B, plain training; F. Schroff et al., FaceNet, CVPR 2015. The form
        is that of ``hardest_prototype_triplet``, so that both trainings differ in nothing else.
    """
    first, second = F.normalize(first), F.normalize(second)
    pictures = torch.cat([first, second])
    subject = torch.arange(len(first), device=first.device).repeat(2)
    positive = (first * second).sum(dim=1).repeat(2)
    strangers = subject[:, None] != subject
    return hardest_prototype_triplet(positive, pictures @ pictures.T, strangers, margin)
