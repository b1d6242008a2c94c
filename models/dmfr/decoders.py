"""Deconvolutions from a vector: to a feature map while a network trains, to images afterwards."""

from torch import Tensor, nn

from models.dmfr.trunk import HW


class UpConvolutions(nn.Module):
    """A linear layer to a small map, doubled several times, cut to a height and width.

    Args:
        dimensions: of the vector.
        channels: of what is made.
        hw: its height and width, any.
        doublings: how often height and width are doubled.
        width: channels of the last hidden layer; each one before has twice as many.
    """

    def __init__(
        self, dimensions: int, channels: int, hw: HW, *, doublings: int, width: int
    ) -> None:
        super().__init__()
        self.hw = hw
        factor, first = 2**doublings, width * 2 ** (doublings - 1)
        self.start_hw = -(-hw[0] // factor), -(-hw[1] // factor)
        self.first = first
        self.start = nn.Linear(dimensions, first * self.start_hw[0] * self.start_hw[1])
        layers: list[nn.Module] = []
        for number in range(doublings):
            last = number + 1 == doublings
            inputs = first >> number
            outputs = channels if last else inputs // 2
            layers += [
                nn.BatchNorm2d(inputs),
                nn.ReLU(),
                nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (n, d) to (n, channels, h, w)."""
        y: Tensor = self.layers(self.start(features).unflatten(1, (self.first, *self.start_hw)))
        return y[..., : self.hw[0], : self.hw[1]]


class ImageDecoder(UpConvolutions):
    """Draws what a frozen feature keeps of an image, trained apart for each kind of feature.

    Args:
        dimensions: of the feature.
        hw: height and width of the images, RGB in [0, 1].
    """

    def __init__(self, dimensions: int, hw: HW) -> None:
        super().__init__(dimensions, 3, hw, doublings=4, width=16)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (n, d) to images (n, 3, h, w) in [0, 1]."""
        return super().forward(features).sigmoid()
