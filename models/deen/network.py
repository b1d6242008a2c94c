"""A ResNet with a stem for each of two bands that turns one feature map into several.

Reference:
    Y. Zhang, H. Wang, Diverse Embedding Expansion Network and Low-Light Cross-Modality Benchmark
    for Visible-Infrared Person Re-identification, CVPR 2023, section 4; what it leaves open is as
    in the authors' public code.
"""

from collections import OrderedDict
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F  # noqa: N812
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import Tensor, nn

from models.processes import process_count

DEPTHS: dict[int, tuple[Any, tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    50: (Bottleneck, (3, 4, 6, 3)),
}
"""Blocks of a ResNet, and how many each stage has."""
_STEM_WIDTH = 64
_DILATIONS = (1, 2, 3)
_NARROWER = 4
"""Width of a map over that of a branch within."""
_DROPOUT = 0.01


class Design(NamedTuple):
    """What a network is built as.

    Attributes:
        depth: of the ResNet, 18 or 50 (the paper's).
        stages: 4, or 3 as the paper takes for RegDB.
        branches: embeddings that are generated beside the image's own.
    """

    depth: int = 50
    stages: int = 4
    branches: int = 2


class Deen(nn.Module):
    """Embeds images of two bands: pooled maps of the image itself and of the generated branches.

    Attributes:
        width: channels of a pooled map.
        dimensions: of an embedding.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        networks = [_resnet(design.depth) for _ in range(2)]
        self.stems = nn.ModuleList(map(_stem, networks))
        layers = [cast(nn.Module, getattr(networks[0], f"layer{n + 1}")) for n in range(4)]
        self.layers = nn.ModuleList(layers[: design.stages])
        widths = [_STEM_WIDTH, *(_width(layer) for layer in layers)]
        self.aggregations = nn.ModuleList(
            Aggregation(widths[n + 1], widths[n], stride=1 if n == 0 else 2)
            for n in range(design.stages - 1)
        )
        self.expansion = Expansion(widths[design.stages - 1], design.branches)
        self.width = widths[design.stages]
        self.neck = nn.BatchNorm1d(self.width)
        self.neck.bias.requires_grad_(False)
        self.dimensions = 2 * (1 + design.branches) * self.width

    def maps(self, images: Tensor, infrared: Tensor) -> Tensor:
        """Return last feature maps (n, 1 + branches, width, rows, columns), the own one first.

        Args:
            images: (n, 3, h, w), of ImageNet's mean and deviation.
            infrared: bool (n,), by which stem each goes; the others are visible.
        """
        values = self._stemmed(images, infrared)
        for layer, aggregate in zip(self.layers, self.aggregations, strict=False):
            values = aggregate(layer(values), values)
        last: Tensor = self.layers[-1](self.expansion(values))
        return last.view(1 + self.design.branches, len(images), *last.shape[1:]).transpose(0, 1)

    def forward(self, images: Tensor, infrared: Tensor) -> Tensor:
        """Return pooled maps (n, 1 + branches, width): what triplets and centres compare."""
        return self.maps(images, infrared).mean(dim=(3, 4))

    def normalised(self, features: Tensor) -> Tensor:
        """Return what the classifier takes of pooled maps (n, 1 + branches, width)."""
        neck: Tensor = self.neck(features.flatten(0, 1))
        return neck.view_as(features)

    def parts(self, images: Tensor, infrared: Tensor) -> Tensor:
        """Return every pooled map before, then after the neck, (n, 2 (1 + branches), width)."""
        features = self(images, infrared)
        return torch.cat([features, self.normalised(features)], dim=1)

    @staticmethod
    def join(parts: Tensor) -> Tensor:
        """Make embeddings (n, dimensions) of parts (n, 2 (1 + branches), width).

        Each part is of unit length, so that the cosine of two embeddings is the mean of the parts'
        cosines, whose sum the paper ranks by.
        """
        return F.normalize(parts, dim=2).flatten(1)

    def _stemmed(self, images: Tensor, infrared: Tensor) -> Tensor:
        places = [(~infrared).nonzero().flatten(), infrared.nonzero().flatten()]
        pairs = [(stem, own) for stem, own in zip(self.stems, places, strict=True) if len(own)]
        values = torch.cat([stem(images[own]) for stem, own in pairs])
        if process_count() > 1 and len(pairs) < len(self.stems):
            # each process waits for gradients of all that trains, whatever bands it has
            for weight in self.stems.parameters():
                values = values + 0.0 * weight.sum()
        back = torch.cat([own for _, own in pairs]).argsort()
        return values[back].contiguous(memory_format=torch.channels_last)


class Expansion(nn.Module):
    """Generates feature maps: from (n, c, h, w) to ((1 + branches) n, c, h, w), the given first.

    A branch sums 3×3 convolutions of three dilations, rectifies, and goes back to c channels.
    """

    def __init__(self, channels: int, branches: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(Branch(channels) for _ in range(branches))
        self.dropout = nn.Dropout(_DROPOUT)

    def forward(self, values: Tensor) -> Tensor:
        """Expand."""
        found: Tensor = self.dropout(torch.cat([values, *(b(values) for b in self.branches)]))
        return found


class Branch(nn.Module):
    """Another feature map of one, (n, c, h, w) to (n, c, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // _NARROWER
        self.dilated = nn.ModuleList(
            nn.Conv2d(channels, narrow, 3, padding=step, dilation=step, bias=False)
            for step in _DILATIONS
        )
        self.back = nn.Conv2d(narrow, channels, 1)
        for layer in (*self.dilated, self.back):
            nn.init.kaiming_normal_(cast(nn.Conv2d, layer).weight)

    def forward(self, values: Tensor) -> Tensor:
        """Generate."""
        seen = torch.stack([layer(values) for layer in self.dilated]).mean(dim=0)
        found: Tensor = self.back(F.relu(seen))
        return found


class Aggregation(nn.Module):
    """Adds to a stage's map what the stage before it shows, channel by channel, then by place.

    Both steps are non-local blocks without a softmax; they start as the identity.

    Args:
        high: channels of the stage's map.
        low: of the map before it.
        stride: sides of the map before over the stage's.
    """

    def __init__(self, high: int, low: int, stride: int) -> None:
        super().__init__()
        self.channel = _Relation(high, low, low, stride)
        self.place = _Relation(high, low, max(1, low // 2), 1)

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """Add what ``low`` (n, l, H, W) shows to ``high`` (n, c, h, w)."""
        return self._by_place(self._by_channel(high, low), low)

    def _by_channel(self, high: Tensor, low: Tensor) -> Tensor:
        """y_i = Σ_j (θ_i · φ_j) g_j / c over channels j, at each place of ``low``."""
        query, key, value = self.channel.read(high, low)
        weights = query.flatten(2) @ key.flatten(2).mT / key.shape[1]
        seen = weights @ value.flatten(2)
        added: Tensor = high + self.channel.back(seen.view_as(value))
        return added

    def _by_place(self, high: Tensor, low: Tensor) -> Tensor:
        """y_p = Σ_q (θ_p · φ_q) g_q / (H W) over places q of ``low``."""
        query, key, value = self.place.read(high, low)
        keys, values = key.flatten(2), value.flatten(2)
        seen = query.flatten(2).mT @ keys / keys.shape[2] @ values.mT
        back: Tensor = self.place.back(seen.mT.reshape(*query.shape[:2], *high.shape[2:]))
        return high + back


class _Relation(nn.Module):
    """The four 1×1 convolutions of a non-local block from one map to another."""

    def __init__(self, high: int, low: int, inner: int, stride: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(high, inner, 1)
        self.key = nn.Conv2d(low, inner, 1, stride=stride)
        self.value = nn.Conv2d(low, inner, 1)
        norm = nn.BatchNorm2d(high)
        nn.init.zeros_(norm.weight)
        self.back = nn.Sequential(nn.Conv2d(inner, high, 1, stride=stride), norm)

    def read(self, high: Tensor, low: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries of ``high``, keys and values of ``low``."""
        return self.query(high), self.key(low), self.value(low)


def _resnet(depth: int) -> ResNet:
    """Build a ResNet whose last stage keeps the resolution."""
    block, layers = DEPTHS[depth]
    network = ResNet(block, layers, num_classes=0)
    for layer in cast(nn.Sequential, network.layer4)[0].modules():
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
            layer.stride = (1, 1)
    return network


def _stem(network: ResNet) -> nn.Sequential:
    names = ("conv1", "bn1", "act1", "maxpool")
    return nn.Sequential(OrderedDict((name, getattr(network, name)) for name in names))


def _width(layer: nn.Module) -> int:
    norms = [each for each in layer.modules() if isinstance(each, nn.BatchNorm2d)]
    return max(norm.num_features for norm in norms)
