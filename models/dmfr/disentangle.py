"""Disentangling: what tells people apart is what is left when the rest is subtracted.

Reference:
    DMFR paper, section "Disentangle-based DMFR". Its 13×13 map of 1024 channels can't be had from
    137×169 pixels at stride 16: the map is the backbone's own, spread to 1024 channels by a 1×1
    convolution.
"""

from typing import Literal, NamedTuple

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from models.backbones.feature_map import MapsFeatures
from models.dmfr.decoders import UpConvolutions
from models.dmfr.trunk import HW, Trunk
from models.freezing import freeze

MAP_CHANNELS = 1024
DIMENSIONS = 512


class Disentangled(NamedTuple):
    """What is made of images.

    Attributes:
        identity: f_id = f_entangle − f_non-id, (n, d).
        entangled: f_entangle, (n, d).
        other: f_non-id, (n, d).
        feature_map: M, (n, c, h, w).
    """

    identity: Tensor
    entangled: Tensor
    other: Tensor
    feature_map: Tensor


class DisentanglingNetwork(nn.Module):
    """A backbone's map, spread, divided in depth into two trunks; it embeds by f_id.

    Args:
        backbone: a ``MapsFeatures``; its own last layer takes no part, and is frozen: several
            processes wait for gradients of all that trains.
        dimensions: of each of the three features.
        map_channels: of M, even.
    """

    def __init__(
        self,
        backbone: nn.Module,
        dimensions: int = DIMENSIONS,
        map_channels: int = MAP_CHANNELS,
    ) -> None:
        super().__init__()
        if not isinstance(backbone, MapsFeatures):
            raise ValueError(f"{type(backbone).__name__} has no feature map to be divided")
        freeze(backbone.last_layer)
        self.backbone, self.dimensions = backbone, dimensions
        self.map_channels, self.map_hw = map_channels, backbone.map_hw
        self.spread = nn.Conv2d(backbone.map_channels, map_channels, 1)
        half = map_channels // 2
        self.entangled = Trunk(half, self.map_hw, dimensions)
        self.other = Trunk(half, self.map_hw, dimensions)

    def parts(self, x: Tensor) -> Disentangled:
        """Take images (n, c, h, w) apart."""
        spread: Tensor = self.spread(self.backbone.feature_map(x))
        first, second = spread.chunk(2, dim=1)
        # a difference in bfloat16 would be rounded once more
        entangled, other = self.entangled(first).float(), self.other(second).float()
        return Disentangled(entangled - other, entangled, other, spread)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, c, h, w) to f_id (n, d)."""
        return self.parts(x).identity


class MapDecoder(UpConvolutions):
    """Rebuilds the normalised map M from f_entangle; only training needs it.

    Args:
        dimensions: of f_entangle.
        channels: of M.
        hw: height and width of M.
    """

    def __init__(self, dimensions: int, channels: int, hw: HW) -> None:
        super().__init__(dimensions, channels, hw, doublings=2, width=128)


def normalised(feature_map: Tensor) -> Tensor:
    """Return M (n, c, h, w) as the trunks take it, each channel of mean 0 and deviation 1.

    Classification asks for no length of M, so M may grow, and did by orders of magnitude when what
    was rebuilt was M itself. Without gradient.
    """
    return F.batch_norm(feature_map.detach(), None, None, training=True)


def reconstruction_loss(rebuilt: Tensor, target: Tensor, kind: Literal["mse", "l2"]) -> Tensor:
    """Return L_recons of maps (n, c, h, w); the target is what is, not what learns.

    Args:
        rebuilt: M_recons.
        target: M.
        kind: ``mse``, the mean square of the differences, or ``l2``, the mean over images of their
            Euclidean length, as the equation is written.
    """
    difference = rebuilt - target.detach()
    if kind == "mse":
        return difference.square().mean()
    return difference.flatten(1).square().sum(dim=1).clamp_min(1e-12).sqrt().mean()


def unexplained(rebuilt: Tensor, target: Tensor) -> Tensor:
    """Return the share of M's squared spread over images that its reconstruction misses.

    0 is M itself; the mean map of the batch in place of each has 1, whatever M's unit. Without
    gradient.

    Args:
        rebuilt: M_recons, (n, c, h, w).
        target: M, likewise.
    """
    rebuilt, target = rebuilt.detach(), target.detach()
    spread = (target - target.mean(dim=0)).square().sum()
    return (rebuilt - target).square().sum() / spread.clamp_min(1e-12)
