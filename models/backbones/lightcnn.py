"""LightCNN-9 and LightCNN-29 v2: face networks of max-feature-map layers.

Input convention: grey, float32 (n, 1, 128, 128) in [0, 1]. Module names are those of the released
checkpoints (AlfredXiangWu/LightCNN), so that they load strictly once their ``module.`` is gone.

Reference:
    X. Wu et al., A Light CNN for Deep Face Representation with Noisy Labels, IEEE TIFS 13(11),
    2018; table II counts the 3×3 convolution of layer 2 twice (165 K instead of 83 K).
"""

from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

SIDE_PX = 128
TRUNK_CELLS = 128 * 8 * 8
"""Values per image that the convolutions hand to the fully connected layer."""


class LargerHalf(torch.autograd.Function):
    """The larger of both halves of the channels; of equal values the first half's counts.

    It is ``maximum`` of two chunks. Its gradient is written straight into one tensor, where torch's
    own makes eight passes, half of the network's training time on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Map (n, 2 c, …) to (n, c, …)."""
        first, second = x.chunk(2, dim=1)
        ctx.save_for_backward(first >= second)
        ctx.layout = (
            torch.channels_last
            if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
            else torch.contiguous_format
        )
        return torch.maximum(first, second)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Give the gradient to the half that was larger."""
        (chosen,) = ctx.saved_tensors
        shape = (gradient.shape[0], 2 * gradient.shape[1], *gradient.shape[2:])
        made = torch.empty(
            shape, dtype=gradient.dtype, device=gradient.device, memory_format=ctx.layout
        )
        first, second = made.chunk(2, dim=1)
        torch.mul(gradient, chosen, out=first)
        torch.sub(gradient, first, out=second)
        return made


class MaxFeatureMap(nn.Module):
    """Convolution or linear layer with twice the outputs, of whose halves the larger survives.

    Weights start with variance 1 / fan-in, as those of the authors' Caffe model, and biases at 0:
    the larger of two such values keeps the mean square, so ten layers without normalisation neither
    fade nor grow. torch's own start has a third of that variance.

    Reference:
        X. Wu et al. 2018, equation 3 (MFM 2/1).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int | None = None) -> None:
        super().__init__()
        self.filter: nn.Linear | nn.Conv2d = (
            nn.Linear(inputs, 2 * outputs)
            if kernel is None
            else nn.Conv2d(inputs, 2 * outputs, kernel, padding=kernel // 2)
        )
        nn.init.normal_(self.filter.weight, std=self.filter.weight[0].numel() ** -0.5)
        nn.init.zeros_(cast(Tensor, self.filter.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, …) to (n, out, …)."""
        y: Tensor = LargerHalf.apply(self.filter(x))
        return y

    @torch.no_grad()
    def absorb(self, mean: Tensor, deviation: Tensor) -> None:
        """Take a normalisation of what a linear layer returns, each float32 (out,), into it.

        The larger of two values less a number, over a positive one, is the larger of both so
        changed: the layer then returns normalised values exactly.
        """
        _absorb(cast(nn.Linear, self.filter), mean.repeat(2), deviation.repeat(2))


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

    ``features`` is the trunk that parts and faces share; its last group (``features[7:]``) is what
    PRAM calls layers 8 and 9.
    """

    dimensions = 256
    side_px = SIDE_PX
    channels = 1
    widths = 48, 96, 192
    """Channels behind the first layers, each followed by a pooling."""
    map_channels = 128
    map_hw = 8, 8

    def __init__(self) -> None:
        super().__init__()
        first, second, third = self.widths
        self.features = nn.Sequential(
            MaxFeatureMap(1, first, 5),
            nn.MaxPool2d(2, 2, ceil_mode=True),
            Group(first, second),
            nn.MaxPool2d(2, 2, ceil_mode=True),
            Group(second, third),
            nn.MaxPool2d(2, 2, ceil_mode=True),
            Group(third, self.map_channels),
            Group(self.map_channels, self.map_channels),
            nn.MaxPool2d(2, 2, ceil_mode=True),
        )
        self.fc1 = MaxFeatureMap(TRUNK_CELLS, self.dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, 1, 128, 128) in [0, 1] to features (n, 256)."""
        return self.from_map(self.feature_map(x))

    def feature_map(self, x: Tensor) -> Tensor:
        """Map images (n, 1, 128, 128) to what the trunk makes of them (n, 128, 8, 8)."""
        y: Tensor = self.features(x)
        return y

    @property
    def last_layer(self) -> nn.Module:
        """What ``from_map`` passes the feature map through."""
        return self.fc1

    def from_map(self, feature_map: Tensor) -> Tensor:
        """Map what ``feature_map`` returned to features (n, 256)."""
        y: Tensor = self.fc1(feature_map.flatten(1))
        return y

    def absorb(self, mean: Tensor, deviation: Tensor) -> None:
        """Take a normalisation of the features, each float32 (256,), into the last layer."""
        self.fc1.absorb(mean, deviation)


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
        """Map images (n, 1, 128, 128) in [0, 1] to features (n, 256)."""
        x = _both_pools(self.conv1(x))
        x = _both_pools(self.group1(self.block1(x)))
        x = _both_pools(self.group2(self.block2(x)))
        x = self.group3(self.block3(x))
        x = _both_pools(self.group4(self.block4(x)))
        y: Tensor = self.fc(x.flatten(1))
        return y

    @torch.no_grad()
    def absorb(self, mean: Tensor, deviation: Tensor) -> None:
        """Take a normalisation of the features, each float32 (256,), into the last layer."""
        _absorb(self.fc, mean, deviation)


def _absorb(layer: nn.Linear, mean: Tensor, deviation: Tensor) -> None:
    layer.bias.sub_(mean).div_(deviation)
    layer.weight.div_(deviation[:, None])


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


def _both_pools(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)
