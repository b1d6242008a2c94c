"""From a feature map to a vector: normalised, thinned out, one linear layer."""

from torch import nn

HW = tuple[int, int]


class Trunk(nn.Sequential):
    """Batch normalisation, dropout, linear layer: (n, channels, h, w) to (n, dimensions).

    Args:
        channels: of the map.
        hw: its height and width.
        dimensions: of the vector.
        dropout: share of the map's values that a training step leaves out.
    """

    def __init__(self, channels: int, hw: HW, dimensions: int, dropout: float = 0.4) -> None:
        super().__init__(
            nn.BatchNorm2d(channels),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(channels * hw[0] * hw[1], dimensions),
        )
