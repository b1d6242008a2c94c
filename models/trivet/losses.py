"""Triplets whose positive and negative lie in the other band.

Reference:
    TRIVET: X. Liu, L. Song, X. Wu, T. Tan, Transferring Deep Representation for NIR-VIS
    Heterogeneous Face Recognition, ICB 2016: a network pretrained on visible faces with ordinal
    activations (max-feature-maps, as in LightCNN) is trained on with two kinds of triplets, each
    band as anchor. Which negatives it takes is described as hard; ours is the nearest in the batch.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def both_ways_triplet(first: Tensor, second: Tensor, margin: float) -> Tensor:
    """Return [‖a − p‖² − ‖a − n‖² + m]₊ on unit features, each band as anchor.

    Args:
        first: (n, d), features of one band, each of another subject, n ≥ 2.
        second: (n, d), the same subjects in the other band.
        margin: m.

    Returns:
        (2 n,): of the first band's images as anchors, then of the second's.
    """
    distances = 2.0 - 2.0 * F.normalize(first) @ F.normalize(second).T
    own = torch.eye(len(distances), dtype=torch.bool, device=distances.device)
    positive = distances.diagonal()
    others = distances.masked_fill(own, torch.inf)
    losses = [positive - others.amin(dim=side) + margin for side in (1, 0)]
    return torch.cat(losses).clamp_min(0.0)
