"""Softmax losses on cosines: plain, AM-softmax (CosFace) and ArcFace.

All three change only the cosine of the true class before the scale; so one function each serves
classifiers, whose prototypes are weights, and semi-siamese training, whose prototypes are features.

Reference:
    Plain: HSST paper, equation 1. AM: F. Wang et al., Additive Margin Softmax for Face
    Verification, SPL 2018, equation 6; H. Wang et al., CosFace, CVPR 2018, equation 4. Arc: J. Deng
    et al., ArcFace, CVPR 2019, equation 3.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

Margin = Callable[[Tensor, float], Tensor]


def no_margin(cosine: Tensor, margin: float) -> Tensor:
    """Return the cosines as they are; ``margin`` has no part in it."""
    return cosine


def additive_cosine(cosine: Tensor, margin: float) -> Tensor:
    """Return cos θ − m."""
    return cosine - margin


def additive_angle(cosine: Tensor, margin: float) -> Tensor:
    """Return cos(θ + m), and cos θ − m·sin m where θ + m would pass π.

    Without that guard the loss falls again for the worst samples. The angle is never made: cos(θ +
    m) = cos θ cos m − sin θ sin m, with sin θ kept off 0, where its gradient is infinite.

    Args:
        cosine: any shape, in [−1, 1]; rounding beyond is cut.
        margin: in [0, π].
    """
    cosine = cosine.clamp(-1.0, 1.0)
    sine = (1.0 - cosine.square()).clamp_min(torch.finfo(cosine.dtype).eps).sqrt()
    moved = cosine * math.cos(margin) - sine * math.sin(margin)
    return torch.where(cosine > -math.cos(margin), moved, cosine - margin * math.sin(margin))


MARGINS: dict[str, Margin] = {
    "softmax": no_margin,
    "am_softmax": additive_cosine,
    "arcface": additive_angle,
}
"""How each loss treats the cosine of the true class."""

DEFAULT_MARGIN = {"softmax": 0.0, "am_softmax": 0.4, "arcface": 0.5}


def prototype_loss(
    positive: Tensor,
    negatives: Tensor,
    allowed: Tensor,
    *,
    loss: str,
    scale: float,
    margin: float,
) -> Tensor:
    """Cross-entropy of one true prototype against others.

    Args:
        positive: (n,), cosine to the true prototype.
        negatives: (n, k), cosines to the others.
        allowed: bool (n, k); False leaves a negative out of the sum.
        loss: a name in ``MARGINS``.
        scale: s.
        margin: m.

    Returns:
        (n,); 0 where no negative is allowed.
    """
    true = scale * MARGINS[loss](positive, margin)[:, None]
    others = (scale * negatives).masked_fill(~allowed, -torch.inf)
    logits = torch.cat([true, others], dim=1)
    return logits.logsumexp(dim=1) - true[:, 0]


def margin_loss(
    cosines: Tensor, labels: Tensor, *, loss: str, scale: float, margin: float
) -> Tensor:
    """Cross-entropy of cosines to all prototypes.

    Args:
        cosines: (n, classes).
        labels: int64 (n,).
        loss: a name in ``MARGINS``.
        scale: s.
        margin: m.

    Returns:
        (n,), the loss of each sample.
    """
    moved = MARGINS[loss](cosines.gather(1, labels[:, None]), margin)
    logits = scale * cosines.scatter(1, labels[:, None], moved)
    return F.cross_entropy(logits, labels, reduction="none")


class CosineClassifier(nn.Module):
    """A classifier whose prototypes are unit vectors, with its loss.

    Args:
        classes: number of subjects.
        dimensions: of the features.
        loss: a name in ``MARGINS``.
        scale: s; 64 is the field's default for large sets, 24–32 for small ones.
        margin: m; by default that of ``DEFAULT_MARGIN``.
    """

    def __init__(
        self,
        classes: int,
        dimensions: int,
        *,
        loss: str,
        scale: float = 64.0,
        margin: float | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dimensions))
        nn.init.normal_(self.weight, std=0.01)
        self.loss, self.scale = loss, scale
        self.margin = DEFAULT_MARGIN[loss] if margin is None else margin

    @torch.no_grad()
    def start_at(self, directions: Tensor) -> None:
        """Turn the prototypes to directions (classes, d), of any length but 0.

        Their own lengths stay: by them a step turns them as far as it would random ones.
        """
        lengths = self.weight.norm(dim=1, keepdim=True)
        self.weight.copy_(F.normalize(directions) * lengths)

    def cosines(self, features: Tensor) -> Tensor:
        """Map features (n, d) to cosines (n, classes)."""
        return F.linear(F.normalize(features), F.normalize(self.weight))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of features (n, d) with labels int64 (n,)."""
        return self.each(features, labels, self.scale).mean()

    def each(self, features: Tensor, labels: Tensor, scale: float) -> Tensor:
        """Return the loss of each sample (n,)."""
        cosines = self.cosines(features)
        return margin_loss(cosines, labels, loss=self.loss, scale=scale, margin=self.margin)
