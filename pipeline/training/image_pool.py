"""CycleGAN's pool: discriminators also see former outputs of the generators."""

import numpy as np
import torch
from torch import Tensor


class ImagePool:
    """Keeps up to ``capacity`` former pictures.

    Reference:
        A. Shrivastava et al., Learning from simulated and unsupervised images through adversarial
        training, CVPR 2017, section 2.3; Zhu et al., ICCV 2017, section 4 (50 pictures).
    """

    def __init__(self, capacity: int) -> None:
        """Make an empty pool; capacity 0 keeps nothing."""
        self.capacity = capacity
        self.pictures: list[Tensor] = []

    def exchange(self, pictures: Tensor, generator: np.random.Generator) -> Tensor:
        """Hand in pictures, get as many back.

        While the pool fills, each comes straight back; then, at even chances, it comes back or
        takes the place of a kept one, which comes back in its stead.

        Args:
            pictures: (n, c, h, w), without gradient.
            generator: source of the draws.
        """
        returned = []
        for picture in pictures:
            if len(self.pictures) < self.capacity:
                self.pictures.append(picture.clone())
                returned.append(picture)
            elif self.capacity and generator.random() < 0.5:
                place = int(generator.integers(self.capacity))
                returned.append(self.pictures[place])
                self.pictures[place] = picture.clone()
            else:
                returned.append(picture)
        return torch.stack(returned)
