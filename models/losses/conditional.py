"""The conditional triplet loss.

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
