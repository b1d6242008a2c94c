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

from models.losses.triplets import hardest_prototype_triplet


def both_ways_triplet(first: Tensor, second: Tensor, margin: float) -> Tensor:
    """Return [‖a − p‖² − ‖a − n‖² + m]₊ on unit features, each band as anchor.

    Args:
        first: (n, d), features of one band, each of another subject, n ≥ 2.
        second: (n, d), the same subjects in the other band.
        margin: m.

    Returns:
        (2 n,): of the first band's images as anchors, then of the second's.
    """
    cosines = F.normalize(first) @ F.normalize(second).T
    others = ~torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)
    # of unit features ‖a − p‖² is 2 − 2 S_p
    given = cosines.diagonal().repeat(2), torch.cat([cosines, cosines.T]), others.repeat(2, 1)
    return 2.0 * hardest_prototype_triplet(*given, margin / 2)
