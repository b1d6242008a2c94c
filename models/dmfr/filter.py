"""The filter: takes the modality out of synthetic features, and is gone at test.

Reference:
    DMFR paper, section "Filter-based DMFR". The structure of F is unpublished: a residual layer
    pair that is the identity at the start.
"""

import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn


class ModalityFilter(nn.Module):
    """F: a feature and what two layers add to it, nothing at the start.

    Args:
        dimensions: of the features.
    """

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(dimensions, dimensions)
        self.activation = nn.PReLU(dimensions)
        self.output = nn.Linear(dimensions, dimensions)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Map synthetic features (n, d) to filtered ones (n, d)."""
        y: Tensor = features + self.output(self.activation(self.hidden(features)))
        return y


class FilteredNetwork(nn.Module):
    """A backbone beside its filter: it embeds without it, the file keeps both.

    Args:
        backbone: which embeds.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.dimensions = int(backbone.dimensions)  # type: ignore[arg-type]
        self.filter = ModalityFilter(self.dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Map images to the backbone's features (n, d)."""
        y: Tensor = self.backbone(x)
        return y


def filter_loss(filtered: Tensor, real: Tensor, *, detach: bool) -> Tensor:
    """Return L_flt = ‖F(H(x′)) − H(x)‖, the mean over pairs with Δc = 0, of unit features.

    Args:
        filtered: F(H(x′)), (p, d).
        real: H(x), (p, d), row by row of the same images.
        detach: whether the real feature is a target that stays where it is.
    """
    target = F.normalize(real.detach() if detach else real)
    # the square root has no gradient at 0: a pair that agrees wholly has nothing to learn
    return (F.normalize(filtered) - target).square().sum(dim=1).clamp_min(1e-12).sqrt().mean()
