"""Random changes to images that leave the identity, seeded image by image."""

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

TRANSFORM = v2.Compose(
    [
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(degrees=6.0, translate=(0.03, 0.03), scale=(0.94, 1.06)),
        v2.ColorJitter(brightness=0.35, contrast=0.35, saturation=0.3),
        v2.RandomGrayscale(0.5),
    ]
)
"""What an image goes through."""


def augmented(images: Tensor, generator: np.random.Generator) -> Tensor:
    """Mirror, move and relight images; half of them lose their colour.

    Args:
        images: uint8 (n, 3, h, w), RGB.
        generator: from which one seed is drawn for the batch.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator.integers(2**31)))
        return torch.stack([TRANSFORM(image) for image in images])
