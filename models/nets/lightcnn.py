"""LightCNN-9 and LightCNN-29 v2: face networks of max-feature-map layers.

Input convention: grey, float32 (n, 1, 128, 128) in [0, 1]. Module names are those of the released
checkpoints (AlfredXiangWu/LightCNN), so that they load strictly once their ``module.`` is gone.

Reference:
    X. Wu et al., A Light CNN for Deep Face Representation with Noisy Labels, IEEE TIFS 13(11),
    2018; table II counts the 3×3 convolution of layer 2 twice (165 K instead of 83 K).
"""

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

SIDE_PX = 128
TRUNK_CELLS = 128 * 8 * 8
"""Values per picture that the convolutions hand to the fully connected layer."""


class MaxFeatureMap(nn.Module):
    """Convolution or linear layer with twice the outputs, of whose halves the larger survives.

    Reference:
        X. Wu et al. 2018, equation 3 (MFM 2/1).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int | None = None) -> None:
        super().__init__()
        self.filter: nn.Module = (
            nn.Linear(inputs, 2 * outputs)
            if kernel is None
            else nn.Conv2d(inputs, 2 * outputs, kernel, padding=kernel // 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, …) to (n, out, …)."""
        first, second = self.filter(x).chunk(2, dim=1)
        return torch.maximum(first, second)


class Group(nn.Module):
    """A 1×1 max-feature-map layer, then a 3×3 one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_a = MaxFeatureMap(inputs, inputs, 1)
        self.conv = MaxFeatureMap(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h, w)."""
        y: Tensor = self.conv(self.conv_a(x))
        return y


class ResidualBlock(nn.Module):
    """Two 3×3 max-feature-map layers beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = MaxFeatureMap(channels, channels, 3)
        self.conv2 = MaxFeatureMap(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to the same shape."""
        y: Tensor = self.conv2(self.conv1(x)) + x
        return y


class LightCNN9(nn.Module):
    """LightCNN-9: 256-d.

    ``features`` is the trunk that parts and faces share; its last group (``features[6:]``) is what
    PRAM calls layers 8 and 9.
    """

    dimensions = 256
    side_px = SIDE_PX
    channels = 1

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            MaxFeatureMap(1, 48, 5),
            nn.MaxPool2d(2, 2, ceil_mode=True),
            Group(48, 96),
            nn.MaxPool2d(2, 2, ceil_mode=True),
            Group(96, 192),
            nn.MaxPool2d(2, 2, ceil_mode=True),
            Group(192, 128),
            Group(128, 128),
            nn.MaxPool2d(2, 2, ceil_mode=True),
        )
        self.fc1 = MaxFeatureMap(TRUNK_CELLS, self.dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures (n, 1, 128, 128) in [0, 1] to features (n, 256)."""
        y: Tensor = self.fc1(self.features(x).flatten(1))
        return y


class LightCNN29v2(nn.Module):
    """LightCNN-29 v2: 256-d, residual blocks, sums of both poolings, a plain linear layer last."""

    dimensions = 256
    side_px = SIDE_PX
    channels = 1

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = MaxFeatureMap(1, 48, 5)
        self.block1, self.group1 = _blocks(48, 1), Group(48, 96)
        self.block2, self.group2 = _blocks(96, 2), Group(96, 192)
        self.block3, self.group3 = _blocks(192, 3), Group(192, 128)
        self.block4, self.group4 = _blocks(128, 4), Group(128, 128)
        self.fc = nn.Linear(TRUNK_CELLS, self.dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures (n, 1, 128, 128) in [0, 1] to features (n, 256)."""
        x = _both_pools(self.conv1(x))
        x = _both_pools(self.group1(self.block1(x)))
        x = _both_pools(self.group2(self.block2(x)))
        x = self.group3(self.block3(x))
        x = _both_pools(self.group4(self.block4(x)))
        y: Tensor = self.fc(x.flatten(1))
        return y


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


def _both_pools(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)
