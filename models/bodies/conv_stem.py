"""The convolutional stem of TransReID-SSL's vision transformers.

Reference:
    H. Luo et al., Self-supervised pre-training for transformer-based person re-identification,
    arXiv:2111.12084, section 3.3; names and shapes as in its code, so that its files load.
"""

import torch
from torch import Tensor, nn

_CHANNELS = 64


class IBN(nn.Module):
    """Half of the channels normalised by instance, half by batch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.split_at = channels // 2
        self.IN = nn.InstanceNorm2d(self.split_at, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.split_at)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to the same shape."""
        return torch.cat([self.IN(x[:, : self.split_at]), self.BN(x[:, self.split_at :])], dim=1)


class ConvStem(nn.Module):
    """Three convolutions at half the resolution, then one a patch.

    Args:
        width: of the tokens.
        patch_px: side of a patch, even.
    """

    def __init__(self, width: int, patch_px: int) -> None:
        super().__init__()
        c, half = _CHANNELS, patch_px // 2
        self.conv = nn.Sequential(
            nn.Conv2d(3, c, 7, 2, padding=3, bias=False),
            IBN(c),
            nn.ReLU(inplace=True),
            nn.Conv2d(c, c, 3, padding=1, bias=False),
            IBN(c),
            nn.ReLU(inplace=True),
            nn.Conv2d(c, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(inplace=True),
        )
        self.proj = nn.Conv2d(c, width, half, half)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, 3, h, w) to patches (n, patches, d)."""
        y: Tensor = self.proj(self.conv(x))
        return y.flatten(2).transpose(1, 2)
