"""Meta-learning on the prototypes: a virtual step by some domains, judged by another one.

Reference:
    DMFR paper, section "Meta-learning-based DMFR"; its equations are named below.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor

from models.dmfr.loss import COSFACE
from models.losses.margins import margin_loss


@dataclass(frozen=True)
class MetaStep:
    """How the virtual step is taken and both losses are weighed.

    Attributes:
        rate: α, in units of unit-length prototypes.
        weight: λ_meta in [0, 1], of the meta-train loss; the meta-test loss gets 1 − λ_meta.
        scale: s.
        margin: m.
        first_order: leave out the gradient through the virtual step.
    """

    rate: float
    weight: float
    scale: float
    margin: float
    first_order: bool = False

    def objective(
        self, prototypes: Tensor, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return λ L_tr(θ, w) + (1 − λ) L_te(θ, w′), L_tr and L_te.

        ŵ = w / ‖w‖, w′ = norm(ŵ − α ∇_ŵ L_tr). The gradient goes through the virtual step into the
        prototypes and, by the features in L_tr, into the network, but never through the network's
        own backward pass: that is a first derivative.

        Args:
            prototypes: w, (classes, d), of any length.
            train: features (n, d) and labels int64 (n,) of meta-train.
            test: likewise of meta-test.
        """
        unit = F.normalize(prototypes)
        loss_train = self.loss(unit, *train)
        (gradient,) = torch.autograd.grad(
            loss_train, unit, create_graph=not self.first_order, retain_graph=True
        )
        moved = F.normalize(unit - self.rate * gradient)
        loss_test = self.loss(moved, *test)
        total = self.weight * loss_train + (1.0 - self.weight) * loss_test
        return total, loss_train, loss_test

    def loss(self, unit: Tensor, features: Tensor, labels: Tensor) -> Tensor:
        """Return CosFace's mean loss against unit-length prototypes (the paper's L_tr, L_te)."""
        cosines = F.linear(F.normalize(features), unit)
        each = margin_loss(cosines, labels, loss=COSFACE, scale=self.scale, margin=self.margin)
        return each.mean()
