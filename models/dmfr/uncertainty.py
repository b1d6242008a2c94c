"""Baselines that let a sample say how sure it is: DUL, and confidence-aware identification.

Reference:
    J. Chang et al., Data Uncertainty Learning in Face Recognition, CVPR 2020, DUL_cls. Y. Shi et
    al., Towards Universal Representation Learning for Deep Face Recognition, CVPR 2020, section
    3.1: a sample's own scale s_i in the softmax. No code of the latter is public; its
    sub-embeddings and variation losses are left out, as the DMFR paper's row names only the
    identification loss.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.dmfr.trunk import HW, Trunk


class LogVariance(nn.Module):
    """log σ² of each dimension, from the backbone's feature map.

    Args:
        channels: of the map.
        hw: its height and width.
        dimensions: of the features.
    """

    def __init__(self, channels: int, hw: HW, dimensions: int) -> None:
        super().__init__()
        self.trunk = Trunk(channels, hw, dimensions)
        self.norm = nn.BatchNorm1d(dimensions)

    def forward(self, feature_map: Tensor) -> Tensor:
        """Map (n, channels, h, w) to (n, dimensions)."""
        y: Tensor = self.norm(self.trunk(feature_map))
        return y


def sampled(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return s = μ + ε σ.

    Args:
        mean: μ, (n, d).
        log_variance: log σ², (n, d).
        noise: ε, standard normal, (n, d).
    """
    return mean + noise * (0.5 * log_variance).exp()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(μ, σ²) ‖ N(0, 1)) of all dimensions (n, d) together, the mean over samples.

    DUL's λ is that of the sum: by the mean over dimensions it would weigh d times less.
    """
    each = -0.5 * (1.0 + log_variance - mean.square() - log_variance.exp())
    return each.sum(dim=1).mean()


class Confidence(nn.Module):
    """s_i of each sample, from the backbone's feature map: s at the start, in (0, 2 s) ever.

    The bound is ours: without one, the scale of what is learned already grows without end.

    Args:
        channels: of the map.
        hw: its height and width.
        scale: s.
    """

    def __init__(self, channels: int, hw: HW, scale: float) -> None:
        super().__init__()
        self.trunk, self.scale = Trunk(channels, hw, 1), scale
        nn.init.zeros_(self.trunk[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.trunk[-1].bias)  # type: ignore[arg-type]

    def forward(self, feature_map: Tensor) -> Tensor:
        """Map (n, channels, h, w) to (n, 1), float32: bfloat16 knows few numbers near s."""
        return 2.0 * self.scale * torch.sigmoid(self.trunk(feature_map).float())


def confidence_loss(cosines: Tensor, labels: Tensor, scale: Tensor, margin: float) -> Tensor:
    """Return the cross-entropy of logits s_i cos θ, the true class's less m, (n,).

    The margin stands outside of the scale: a sample of little confidence is held apart as far.

    Args:
        cosines: to all prototypes, (n, classes).
        labels: int64 (n,).
        scale: s_i, (n, 1).
        margin: m, in logits, [0, ∞).
    """
    logits = scale * cosines
    true = logits.gather(1, labels[:, None]) - margin
    return F.cross_entropy(logits.scatter(1, labels[:, None], true), labels, reduction="none")
