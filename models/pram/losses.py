"""The component-adaptive sum of conditional triplet losses.

Reference:
    PRAM + CAT paper, equation 2.
"""

import torch
from torch import Tensor

from models.losses.conditional import CONDITIONAL_MARGIN, conditional_triplet


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
    weights: Tensor,
    margin: float = CONDITIONAL_MARGIN,
) -> Tensor:
    """Return L_CAT = Σ λ_i L_C of each triplet.

    A component that anchor or positive does not show has λ = 0 and teaches nothing.

    Args:
        anchor: (n, c, d), representative vectors of c components.
        positive: (n, c, d).
        negative: (n, c, d).
        weights: (n, c), λ: ``mask_iou`` of each component's masks in anchor and positive.
        margin: m.

    Returns:
        (n,).
    """
    return (weights * conditional_triplet(anchor, positive, negative, margin)).sum(dim=1)
