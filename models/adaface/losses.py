"""A classifier whose margin grows with the quality of the image, told by its feature's length.

Reference:
    M. Kim, A. Jain, X. Liu, AdaFace: quality adaptive margin for face recognition, CVPR 2022,
    equations 13 to 15; bounds of lengths and angles as in its public code.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from models.processes import from_all

MOMENTUM = 0.01
"""Weight of a batch in the moving mean and deviation of lengths: 1 − 0.99."""
_LENGTHS = (0.001, 100.0)
_FIRST_MEAN, _FIRST_DEVIATION = 20.0, 100.0
_EPSILON = 1e-3


class AdaFaceClassifier(nn.Module):
    """A classifier of subjects with AdaFace's margin.

    With ẑ = (length − mean) / (deviation / h), cut to [−1, 1]: the true class's logit is
    s · (cos(θ − m ẑ) − (m ẑ + m)). A sharp image (ẑ = 1) gets a negative angle and a large additive
    margin, a poor one (ẑ = −1) an angle alone.

    Args:
        classes: number of subjects.
        dimensions: of the features.
        scale: s.
        margin: m.
        concentration: h.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        classes: int,
        dimensions: int,
        *,
        scale: float = 64.0,
        margin: float = 0.4,
        concentration: float = 0.333,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dimensions))
        nn.init.normal_(self.weight, std=0.01)
        self.scale, self.margin, self.concentration = scale, margin, concentration
        self.register_buffer("mean", torch.tensor(_FIRST_MEAN))
        self.register_buffer("deviation", torch.tensor(_FIRST_DEVIATION))

    def quality(self, features: Tensor) -> Tensor:
        """Return ẑ of features (n, d), without gradient, in [−1, 1]; training moves the means."""
        lengths = features.detach().norm(dim=1).clamp(*_LENGTHS)
        met = from_all(lengths)
        if self.training and len(met) > 1:
            self.mean.lerp_(met.mean(), MOMENTUM)
            self.deviation.lerp_(met.std(), MOMENTUM)
        spread = self.deviation + _EPSILON
        quality: Tensor = ((lengths - self.mean) / spread * self.concentration).clamp(-1.0, 1.0)
        return quality

    def logits(self, features: Tensor, labels: Tensor) -> Tensor:
        """Map features (n, d) with labels int64 (n,) to logits (n, classes), margins in them."""
        quality = self.quality(features)
        cosines = F.linear(F.normalize(features), F.normalize(self.weight))
        cosines = cosines.clamp(-1.0 + _EPSILON, 1.0 - _EPSILON)
        true = cosines.gather(1, labels[:, None])[:, 0]
        angle = (true.acos() - self.margin * quality).clamp(_EPSILON, torch.pi - _EPSILON)
        moved = angle.cos() - (self.margin * quality + self.margin)
        return self.scale * cosines.scatter(1, labels[:, None], moved[:, None])

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of features (n, d) with labels int64 (n,)."""
        return F.cross_entropy(self.logits(features, labels), labels)
