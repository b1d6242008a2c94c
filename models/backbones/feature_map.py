"""Backbones that can be taken apart before their last layer: a feature map, then features."""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class MapsFeatures(Protocol):
    """A backbone whose forward pass is ``from_map`` of ``feature_map``.

    Attributes:
        dimensions: of its features.
        map_channels: of its feature map.
        map_hw: height and width of its feature map.
    """

    dimensions: int
    map_channels: int
    map_hw: tuple[int, int]

    def feature_map(self, x: Tensor) -> Tensor:
        """Map images (n, c, h, w) to the feature map (n, map_channels, *map_hw)."""

    @property
    def last_layer(self) -> nn.Module:
        """What ``from_map`` passes the feature map through: all weights but the map's own."""

    def from_map(self, feature_map: Tensor) -> Tensor:
        """Map a feature map to features (n, dimensions)."""
