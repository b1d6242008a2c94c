"""Attention-56: the residual attention network, with a stem and a head for faces.

Input convention: RGB, float32 (n, 3, side, side), (value − 127.5) / 127.5.

Reference:
    F. Wang et al., Residual Attention Network for Image Classification, CVPR 2017: equation 3,
    figure 2 (p = 1, t = 2, r = 1) and table 2.
"""

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn


class PreActivationUnit(nn.Module):
    """Bottleneck with the activation first: 1×1, 3×3 with the stride, 1×1, beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        inner = outputs // 4
        self.first = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, outputs, 1, bias=False),
        )
        self.shortcut: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h / stride, w / stride)."""
        activated = self.first(x)
        kept = x if self.shortcut is None else self.shortcut(activated)
        y: Tensor = self.residual(activated) + kept
        return y


class AttentionModule(nn.Module):
    """Trunk branch T and soft mask branch M, joined as (1 + M) · T.

    Args:
        channels: in and out.
        levels: how often the mask branch halves its input before it grows back.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.before = PreActivationUnit(channels, channels)
        self.trunk = nn.Sequential(*(PreActivationUnit(channels, channels) for _ in range(2)))
        self.down = _units(channels, levels)
        self.skips = _units(channels, levels - 1)
        self.up = _units(channels, levels)
        self.mask = nn.Sequential(
            *(
                layer
                for _ in range(2)
                for layer in (
                    nn.BatchNorm2d(channels),
                    nn.ReLU(),
                    nn.Conv2d(channels, channels, 1, bias=False),
                )
            ),
            nn.Sigmoid(),
        )
        self.after = PreActivationUnit(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to the same shape."""
        x = self.before(x)
        trunk = self.trunk(x)
        shapes, skipped, soft = [], [], x
        for level, unit in enumerate(self.down):
            shapes.append(soft.shape[2:])
            soft = unit(F.max_pool2d(soft, 3, 2, padding=1))
            if level < len(self.skips):
                skipped.append(self.skips[level](soft))
        for level in reversed(range(len(self.up))):
            soft = F.interpolate(
                self.up[level](soft), shapes[level], mode="bilinear", align_corners=False
            )
            if level:
                soft = soft + skipped[level - 1]
        y: Tensor = self.after((1 + self.mask(soft)) * trunk)
        return y


class Attention56(nn.Module):
    """Attention-56.

    Args:
        side_px: 112 or 144. The stem halves it once, by its pooling; the paper's halves it twice.
        dimensions: of the embedding.
    """

    channels = 3

    def __init__(self, side_px: int = 112, dimensions: int = 512) -> None:
        super().__init__()
        if side_px % 16:
            raise ValueError(f"side_px: expected a multiple of 16, got {side_px}")
        self.side_px = side_px
        self.dimensions = dimensions
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
        )
        self.stages = attention_stages((3, 2, 1))
        cells = side_px // 16
        self.head = nn.Sequential(
            nn.BatchNorm2d(2048),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2048 * cells * cells, dimensions),
            nn.BatchNorm1d(dimensions),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, 3, side, side) to features (n, dimensions)."""
        y: Tensor = self.head(self.stages(self.stem(x)))
        return y


def attention_stages(levels: Sequence[int]) -> nn.Sequential:
    """Build what lies between stem and head: (n, 64, h, w) to (n, 2048, h / 8, w / 8)."""
    return nn.Sequential(
        PreActivationUnit(64, 256),
        AttentionModule(256, levels[0]),
        PreActivationUnit(256, 512, 2),
        AttentionModule(512, levels[1]),
        PreActivationUnit(512, 1024, 2),
        AttentionModule(1024, levels[2]),
        PreActivationUnit(1024, 2048, 2),
        PreActivationUnit(2048, 2048),
        PreActivationUnit(2048, 2048),
    )


def _units(channels: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(PreActivationUnit(channels, channels) for _ in range(count))
