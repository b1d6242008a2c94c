"""CycleGAN's pool: discriminators also see former outputs of the generators."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Keeps up to ``capacity`` former images.

    Args:
        capacity: 0 keeps nothing.
        shape: (c, h, w) of an image.

    Reference:
        A. Shrivastava et al., Learning from simulated and unsupervised images through adversarial
        training, CVPR 2017, section 2.3; Zhu et al., ICCV 2017, section 4 (50 images).
    """

    images: Tensor

    def __init__(self, capacity: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.filled = 0
        self.register_buffer("images", torch.zeros(capacity, *shape))

    def get_extra_state(self) -> int:
        """Return how many places are filled: no tensor, so that no step waits for the device."""
        return self.filled

    def set_extra_state(self, state: int) -> None:
        """Go on with so many filled places."""
        self.filled = state

    @torch.no_grad()
    def exchange(self, images: Tensor, draws: Tensor) -> Tensor:
        """Hand in images, get as many back.

        While the pool fills, each comes straight back; then, at even chances, it comes back or
        takes the place of a kept one, which comes back in its stead.

        Args:
            images: (n, c, h, w), without gradient.
            draws: (n, 2), drawn evenly from [0, 1): whether, and which.
        """
        capacity, returned = len(self.images), []
        for image, (chance, place) in zip(images, draws, strict=True):
            if self.filled < capacity:
                self.images[self.filled] = image
                self.filled += 1
                returned.append(image)
            elif capacity:
                at = (place * capacity).long().clamp_max(capacity - 1)[None]
                kept, takes = self.images.index_select(0, at)[0], chance < 0.5
                returned.append(torch.where(takes, kept, image))
                self.images.index_copy_(0, at, torch.where(takes, image, kept)[None])
            else:
                returned.append(image)
        return torch.stack(returned)
