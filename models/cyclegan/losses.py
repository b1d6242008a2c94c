"""The least-squares adversarial losses that CycleGAN trains with.

Reference:
    X. Mao et al., Least squares generative adversarial networks, ICCV 2017, equation 9 (labels 0
    for generated, 1 for real and for what the generator wants to be taken for).
"""

import torch
from torch import Tensor


def generator_loss(generated_scores: Tensor) -> Tensor:
    """Return the mean of (score − 1)²: low where the discriminator takes an image for real."""
    return (generated_scores - 1.0).square().mean()


def discriminator_loss(real_scores: Tensor, generated_scores: Tensor) -> Tensor:
    """Return ½ [mean (real − 1)² + mean generated²]."""
    return 0.5 * ((real_scores - 1.0).square().mean() + generated_scores.square().mean())


def cycle_loss(original: Tensor, returned: Tensor) -> Tensor:
    """Return the mean absolute difference of an image and what came back of it."""
    return torch.nn.functional.l1_loss(returned, original)
