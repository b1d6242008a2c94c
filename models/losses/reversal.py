"""The gradient reversal, by which features unlearn what a judge of them learns.

Reference:
    Y. Ganin, V. Lempitsky, Unsupervised Domain Adaptation by Backpropagation, ICML 2015,
    section 3.
"""

from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    """The identity, whose gradient is turned round."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return -ctx.weight * gradients[0], None


def reverse_gradient(x: Tensor, weight: float) -> Tensor:
    """Return x; whoever made it gets −weight times the gradient."""
    reversed_: Tensor = _Reversal.apply(x, weight)
    return reversed_
