"""CycleGAN's pool: discriminators also see former outputs of the generators."""

import numpy as np
import torch
from torch import Tensor


class ImagePool:
    """Keeps up to ``capacity`` former images.

    Reference:
        A. Shrivastava et al., Learning from simulated and unsupervised images through adversarial
        training, CVPR 2017, section 2.3; Zhu et al., ICCV 2017, section 4 (50 images).
    """

    def __init__(self, capacity: int) -> None:
        """Make an empty pool; capacity 0 keeps nothing."""
        self.capacity = capacity
        self.images: list[Tensor] = []

    def exchange(self, images: Tensor, generator: np.random.Generator) -> Tensor:
        """Hand in images, get as many back.

        While the pool fills, each comes straight back; then, at even chances, it comes back or
        takes the place of a kept one, which comes back in its stead.

        Args:
            images: (n, c, h, w), without gradient.
            generator: source of the draws.
        """
        returned = []
        for image in images:
            if len(self.images) < self.capacity:
                self.images.append(image.clone())
                returned.append(image)
            elif self.capacity and generator.random() < 0.5:
                place = int(generator.integers(self.capacity))
                returned.append(self.images[place])
                self.images[place] = image.clone()
            else:
                returned.append(image)
        return torch.stack(returned)
