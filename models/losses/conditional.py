"""The conditional triplet loss, and its component-adaptive sum.

Reference:
    PRAM + CAT paper, equation 2; the conditional margin is that of its reference [15].
"""

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
        weights: (n, c), λ: the overlap of each component's masks in anchor and positive.
        margin: m.

    Returns:
        (n,).
    """
    return (weights * conditional_triplet(anchor, positive, negative, margin)).sum(dim=1)
