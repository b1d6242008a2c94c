"""How much the masks of two faces agree, by which components weigh.

Reference:
    PRAM + CAT paper, equation 1.
"""

import torch
from torch import Tensor


def mask_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the intersection over union of masks.

    Args:
        first: bool (…, h, w).
        second: bool (…, h, w).

    Returns:
        float32 (…), 0 where both masks are empty. No gradient passes.
    """
    with torch.no_grad():
        both = (first & second).sum(dim=(-2, -1))
        either = (first | second).sum(dim=(-2, -1))
        return both / either.clamp_min(1)
