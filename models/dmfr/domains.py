"""Baselines that act on the domains themselves: gradient reversal and domain mixup.

Reference:
    Y. Ganin, V. Lempitsky, Unsupervised Domain Adaptation by Backpropagation, ICML 2015,
    section 3. H. Qiu et al., SynFace: Face Recognition with Synthetic Data, ICCV 2021, "domain
    mixup".
"""

import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.losses.reversal import reverse_gradient


class DomainJudge(nn.Module):
    """Tells real from synthetic features, which learn not to be told apart.

    Args:
        dimensions: of the features.
        weight: of the reversed gradient.
    """

    def __init__(self, dimensions: int, weight: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dimensions, dimensions), nn.ReLU(), nn.Linear(dimensions, 1)
        )
        self.weight = weight

    def forward(self, features: Tensor, synthetic: Tensor) -> Tensor:
        """Return the judge's mean loss of features (n, d), synthetic where bool (n,)."""
        logits = self.layers(reverse_gradient(F.normalize(features), self.weight))[:, 0]
        return F.binary_cross_entropy_with_logits(logits, synthetic.to(logits.dtype))


def mixed(real: Tensor, synthetic: Tensor, share: Tensor) -> Tensor:
    """Return ψ x_real + (1 − ψ) x_synthetic of images (n, c, h, w) with ψ (n,)."""
    weight = share.view(-1, 1, 1, 1)
    return weight * real + (1.0 - weight) * synthetic
