"""Batch normalisation of features while a backbone trains, folded into its last layer after."""

from typing import Protocol, cast, runtime_checkable

from torch import Tensor, nn

from models.processes import own, with_all


@runtime_checkable
class Absorbs(Protocol):
    """A backbone without normalisation, whose last layer can take one in."""

    def absorb(self, mean: Tensor, deviation: Tensor) -> None:
        """Return (features − mean) / deviation from now on."""


class BNNeck(nn.Module):
    """A backbone whose features are normalised over each whole batch while it trains.

    A LightCNN has no normalisation of its own, so a step moves the features of all faces the same
    way, far more than it tells them apart. ``fold`` puts what was learned into its last layer.

    Args:
        network: the backbone, an ``Absorbs``, which trains.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.dimensions = int(network.dimensions)  # type: ignore[arg-type]
        self.neck = nn.BatchNorm1d(self.dimensions, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, c, h, w) to normalised features, float32 (n, d).

        An image alone has no spread: what was met before it normalises it.
        """
        return self.normalised(self.network(x))

    def normalised(self, features: Tensor) -> Tensor:
        """Normalise what the network returned, (n, d)."""
        y = with_all(features.float()) if self.training else features.float()
        if len(y) == 1:
            mean, variance = self._met()
            y = (y - mean) / (variance + self.neck.eps).sqrt()
        else:
            y = self.neck(y)
        return own(y) if self.training else y

    def fold(self) -> None:
        """Let the network itself return normalised features; the training is over then."""
        mean, variance = self._met()
        cast(Absorbs, self.network).absorb(mean, (variance + self.neck.eps).sqrt())

    def _met(self) -> tuple[Tensor, Tensor]:
        return cast(Tensor, self.neck.running_mean), cast(Tensor, self.neck.running_var)


def with_bn_neck(network: nn.Module) -> nn.Module:
    """Return a network that absorbs a normalisation with its features normalised, others as is."""
    return BNNeck(network) if isinstance(network, Absorbs) else network
