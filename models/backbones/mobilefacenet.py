"""MobileFaceNet: inverted residuals that end in a global depthwise convolution.

Input convention: RGB, float32 (n, 3, side, side), (value − 127.5) / 128. Module names are those
of the checkpoints in public zoos (TreB1eN/InsightFace_Pytorch), so that they load strictly.

Reference:
    S. Chen et al., MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on
    Mobile Devices, CCBR 2018, table 1.
"""

from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Convolution without bias, batch normalisation, PReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h / stride, w / stride)."""
        y: Tensor = self.prelu(self.bn(self.conv(x)))
        return y


class LinearBlock(nn.Module):
    """Convolution without bias or padding, batch normalisation, no activation."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h − kernel + 1, w − kernel + 1)."""
        y: Tensor = self.bn(self.conv(x))
        return y


class Bottleneck(nn.Module):
    """Expand by 1×1, filter each channel by 3×3, project by 1×1; ``residual`` adds the input."""

    def __init__(
        self, inputs: int, outputs: int, expanded: int, *, stride: int = 1, residual: bool = False
    ) -> None:
        super().__init__()
        self.residual = residual
        self.conv = ConvBlock(inputs, expanded)
        self.conv_dw = ConvBlock(expanded, expanded, 3, stride, groups=expanded)
        self.project = LinearBlock(expanded, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h / stride, w / stride)."""
        y: Tensor = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.residual else y


class Residuals(nn.Module):
    """A run of residual bottlenecks of one width."""

    def __init__(self, channels: int, expanded: int, count: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *(Bottleneck(channels, channels, expanded, residual=True) for _ in range(count))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to the same shape."""
        y: Tensor = self.model(x)
        return y


class MobileFaceNet(nn.Module):
    """MobileFaceNet.

    Args:
        side_px: 112 (the paper's) or 144; the global depthwise convolution then is 7×7 or 9×9.
        dimensions: of the embedding; the paper's 128, the field's 512.
    """

    channels = 3

    def __init__(self, side_px: int = 112, dimensions: int = 512) -> None:
        super().__init__()
        if side_px % 16:
            raise ValueError(f"side_px: expected a multiple of 16, got {side_px}")
        self.side_px = side_px
        self.dimensions = dimensions
        cells = side_px // 16
        self.conv1 = ConvBlock(3, 64, 3, 2)
        self.conv2_dw = ConvBlock(64, 64, 3, groups=64)
        self.conv_23 = Bottleneck(64, 64, 128, stride=2)
        self.conv_3 = Residuals(64, 128, 4)
        self.conv_34 = Bottleneck(64, 128, 256, stride=2)
        self.conv_4 = Residuals(128, 256, 6)
        self.conv_45 = Bottleneck(128, 128, 512, stride=2)
        self.conv_5 = Residuals(128, 256, 2)
        self.conv_6_sep = ConvBlock(128, 512)
        self.conv_6_dw = LinearBlock(512, 512, cells, groups=512)
        self.linear = nn.Linear(512, dimensions, bias=False)
        self.bn = nn.BatchNorm1d(dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, 3, side, side) to features (n, dimensions)."""
        x = self.conv2_dw(self.conv1(x))
        x = self.conv_3(self.conv_23(x))
        x = self.conv_4(self.conv_34(x))
        x = self.conv_5(self.conv_45(x))
        x = self.conv_6_dw(self.conv_6_sep(x))
        y: Tensor = self.bn(self.linear(x.flatten(1)))
        return y
