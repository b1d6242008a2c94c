"""CycleGAN's networks: a residual generator and a discriminator of 70 × 70 patches.

Layers, padding and normalisation are those of the published network, and so is the number of
parameters but for the last layer's: 11.378 M (nine blocks) and 7.838 M (six blocks) at 64 channels,
2.765 M for the discriminator. Four things differ:

- Steps up repeat pixels and convolve them, where transposed convolutions of odd kernels overlap
  unevenly and leave a chequered pattern.
- The generator adds to its image, from nothing at first, so that colours stay.
- It may blur what it adds to: two gates a pixel. What is added passes a quarter of the resolution,
  and detail can hardly be taken away by adding its negative from there.
- Discriminators see detail alone, the image without its local mean. Of whole images they learn what
  people and colours there are long before they look at sharpness.

Reference:
    J.-Y. Zhu, T. Park, P. Isola, A. A. Efros, Unpaired image-to-image translation using
    cycle-consistent adversarial networks, ICCV 2017, section 4 and appendix 7.2. A. Odena,
    V. Dumoulin, C. Olah, Deconvolution and checkerboard artifacts, Distill 2016. M. Fritsche,
    S. Gu, R. Timofte, Frequency separation for real-world super-resolution, ICCV Workshops 2019
    (discriminators of high frequencies).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

_NEARLY = 0.998
"""Of the range: half a grey level."""
_BLURS = (2, 6)
"""Passes of a mean over 3 × 3 pixels, for each gate: standard deviations of 1.2 and 2 pixels."""
_LOCAL = 2
"""Radius in pixels of the mean that discriminators don't see."""
_DETAIL_SCALE = 4.0
"""Brings detail to about the range of an image."""
_INITIAL_STD = 0.02
"""Standard deviation of fresh weights (appendix 7.1 of the paper)."""


class ResNetGenerator(nn.Module):
    """Two steps down, residual blocks, two steps up; the image keeps its shape.

    Input and output convention: RGB in [-1, 1], height and width divisible by four.
    """

    def __init__(self, *, channels: int = 64, blocks: int = 9) -> None:
        """Make a generator with fresh weights.

        Args:
            channels: feature maps of the first layer.
            blocks: residual blocks; the paper takes 6 at 128 pixels and 9 from 256 on.
        """
        super().__init__()
        widths = channels, channels * 2, channels * 4
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, widths[0], 7), *_rectified()]
        for source, target in pairwise(widths):
            layers += [nn.Conv2d(source, target, 3, 2, padding=1), *_rectified()]
        layers += [GeneratorBlock(widths[-1]) for _ in range(blocks)]
        for source, target in pairwise(reversed(widths)):
            up = nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(source, target, 3)
            layers += [*up, *_rectified()]
        last = nn.Conv2d(widths[0], 3 + len(_BLURS), 7)
        self.layers = nn.Sequential(*layers, nn.ReflectionPad2d(3), last)
        self.apply(_initialise)
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 3, h, w) to (n, 3, h, w), both in [-1, 1]."""
        added, *gates = self.layers(x).split([3, *(1 for _ in _BLURS)], 1)
        mixed = x
        for gate, passes in zip(gates, _BLURS, strict=True):
            mixed = mixed + gate * (_mean(x, 1, passes) - x)
        # What tanh makes it of, and so that a white pixel can be darkened.
        before = torch.atanh(_NEARLY * mixed.clamp(-1.0, 1.0))
        return torch.tanh(before + added)


class GeneratorBlock(nn.Module):
    """A residual block of two reflected 3 × 3 convolutions with instance normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            *_rectified(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            _Norm(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to the same shape."""
        result: Tensor = x + self.layers(x)
        return result


class PatchDiscriminator(nn.Module):
    """Tells of each patch of 70 × 70 pixels' detail whether it is real."""

    def __init__(self, *, channels: int = 64) -> None:
        """Make a discriminator with fresh weights; ``channels`` of the first layer."""
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 4, 2, padding=1), nn.LeakyReLU(0.2)]
        for source, target, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
            layers += [
                nn.Conv2d(channels * source, channels * target, 4, stride, padding=1),
                _Norm(),
                nn.LeakyReLU(0.2),
            ]
        layers.append(nn.Conv2d(channels * 8, 1, 4, padding=1))
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 3, h, w) in [-1, 1] to one score per patch, (n, 1, h', w'); 1 means real."""
        result: Tensor = self.layers(_DETAIL_SCALE * (x - _mean(x, _LOCAL)))
        return result


def _mean(x: Tensor, radius: int, passes: int = 1) -> Tensor:
    """Return the mean over a square about each pixel, taken so many times."""
    for _ in range(passes):
        padded = nn.functional.pad(x, (radius,) * 4, "reflect")
        x = nn.functional.avg_pool2d(padded, 2 * radius + 1, 1)
    return x


class _Norm(nn.Module):
    """Instance normalisation of any number of channels: it has no weights."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.instance_norm(x)


def _rectified() -> tuple[nn.Module, nn.Module]:
    return _Norm(), nn.ReLU()


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.normal_(layer.weight, 0.0, _INITIAL_STD)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
