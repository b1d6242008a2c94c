"""A backbone whose features are divided: a subspace that two bands share, and one of each alone.

Reference:
    IDR: R. He et al., Learning Invariant Deep Representation for NIR-VIS Face Recognition, AAAI
    2017; W-CNN: R. He et al., Wasserstein CNN, PAMI 41(7), 2019. Our choices, where they train a
    network of their own: the projections follow the backbone's features, and start as the rows of
    one random orthogonal matrix, so that the shared subspace is orthogonal to both others at once.
    W-CNN's low-rank prior on the classifier is left out.
"""

import torch
from torch import Tensor, nn

from models.idr_wcnn.losses import orthogonality


class SharedSubspace(nn.Module):
    """Embeds by the shared projection alone; the bands' own ones are for training.

    Args:
        backbone: gives features (n, d).
        dimensions: d.
        shared: dimensions of the shared subspace, below d; what is left is each band's own.
    """

    def __init__(self, backbone: nn.Module, dimensions: int, shared: int) -> None:
        super().__init__()
        if not 0 < shared < dimensions:
            raise ValueError(f"a shared subspace of {shared} of {dimensions} dimensions")
        self.backbone = backbone
        self.dimensions = shared
        rows = nn.init.orthogonal_(torch.empty(dimensions, dimensions))
        self.shared = nn.Parameter(rows[:shared].clone())
        self.own = nn.Parameter(rows[shared:].repeat(2, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Embed images: W f, (n, shared)."""
        return self.project(self.backbone(x))

    def project(self, features: Tensor) -> Tensor:
        """Return W f of the backbone's features (n, d): float32 or better without autocast."""
        return _precise(features) @ self.shared.T

    def divided(self, features: Tensor, band: int) -> Tensor:
        """Return [W f; P f] of the backbone's features (n, d) of one band, 0 or 1: (n, d)."""
        return torch.cat([self.project(features), _precise(features) @ self.own[band].T], dim=1)

    def orthogonality(self) -> Tensor:
        """Return ‖W P₁ᵀ‖² + ‖W P₂ᵀ‖²."""
        return orthogonality(self.shared, self.own[0]) + orthogonality(self.shared, self.own[1])


def _precise(features: Tensor) -> Tensor:
    return features.to(torch.promote_types(features.dtype, torch.float32))
