"""A discriminator of bands, and the discrepancy of their variances.

Reference:
    ADFL: L. Song, M. Zhang, X. Wu, R. He, Adversarial Discriminative Heterogeneous Face
    Recognition, AAAI 2018: adversarial learning in the pixels (faces of the other band are drawn)
    and in the features (an adversarial loss, a variance discrepancy, and the difference of pairs).
    Built here is the part on features; the discriminator's layers are our choice, and its gradient
    is reversed where the paper trains by turns.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from models.losses.reversal import reverse_gradient


class BandDiscriminator(nn.Module):
    """Tells the band of unit features; what it is given learns the opposite.

    Args:
        dimensions: of the features.
        weight: of the reversed gradient alone: one that learned more slowly for a small weight
            would tell the features nothing.
        hidden: of its layer.
    """

    def __init__(self, dimensions: int, weight: float, hidden: int = 128) -> None:
        super().__init__()
        self.weight = weight
        self.layers = nn.Sequential(
            nn.Linear(dimensions, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1)
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the cross-entropy of telling both bands' features (n, d) apart."""
        features = torch.cat([F.normalize(first), F.normalize(second)])
        logits = self.layers(reverse_gradient(features, self.weight))[:, 0]
        bands = torch.cat([torch.zeros(len(first)), torch.ones(len(second))]).to(logits.device)
        return F.binary_cross_entropy_with_logits(logits, bands)


def variance_discrepancy(first: Tensor, second: Tensor) -> Tensor:
    """Return ‖var(f₁) − var(f₂)‖ of unit features (n, d) of two bands."""
    spreads = [F.normalize(each).var(dim=0, unbiased=False) for each in (first, second)]
    apart: Tensor = torch.linalg.vector_norm(spreads[0] - spreads[1])
    return apart


def pair_difference(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean of ‖f₁ − f₂‖² of unit features (n, d) of the same subjects."""
    return (F.normalize(first) - F.normalize(second)).square().sum(dim=1).mean()
