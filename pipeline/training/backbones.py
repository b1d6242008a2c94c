"""Backbones by name: how each is made, and what images it takes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional

from models.backbones.attention import Attention56
from models.backbones.iresnet import IResNet
from models.backbones.lightcnn import LightCNN9, LightCNN29v2
from models.backbones.mobilefacenet import MobileFaceNet
from pipeline.errors import StageError


@dataclass(frozen=True)
class Inputs:
    """What images a network takes.

    Attributes:
        grey: one channel instead of three.
        side_px: side that is cut out of the aligned crop; None takes all of it.
        offset: subtracted from values of 0..255.
        divisor: by which they are divided then.
    """

    grey: bool
    side_px: int | None
    offset: float
    divisor: float

    def room(self, crop_px: int) -> int:
        """Return how far the cut can move inside an aligned crop, in pixels.

        Raises:
            StageError: the crop is too small.
        """
        room = crop_px - (self.side_px or crop_px)
        if room < 0:
            raise StageError(
                f"aligned crops have {crop_px} pixels, the network takes {self.side_px}: expected "
                "crops of that side or larger; choose another align.template or backbone"
            )
        return room

    def cut(self, images: Tensor, corners: Tensor | None = None) -> Tensor:
        """Cut images to the network's side.

        Args:
            images: (n, c, h, w), h = w.
            corners: int64 (n, 2), top and left of each; by default the middle.
        """
        room = self.room(images.shape[-1])
        side = images.shape[-1] - room
        if corners is None:
            start = room // 2
            return images[..., start : start + side, start : start + side]
        pairs = zip(images, corners.tolist(), strict=True)
        return torch.stack([p[..., t : t + side, x : x + side] for p, (t, x) in pairs])

    def values(self, images: Tensor) -> Tensor:
        """Turn uint8 (n, 1 or 3, h, w), RGB, into what the network takes, channels last."""
        if self.grey:
            if images.shape[1] == 3:
                images = functional.rgb_to_grayscale(images)
        elif images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        values = (images.float() - self.offset) / self.divisor
        return values.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Backbone:
    """A network that embeds faces.

    Attributes:
        make: builds it for images of a side in pixels.
        inputs: what it takes.
    """

    make: Callable[[int], nn.Module]
    inputs: Inputs


_GREY_128 = Inputs(grey=True, side_px=128, offset=0.0, divisor=255.0)
_RGB = Inputs(grey=False, side_px=None, offset=127.5, divisor=127.5)

BACKBONES: dict[str, Backbone] = {
    "lightcnn9": Backbone(lambda _: LightCNN9(), _GREY_128),
    "lightcnn29v2": Backbone(lambda _: LightCNN29v2(), _GREY_128),
    "mobilefacenet": Backbone(MobileFaceNet, Inputs(False, None, 127.5, 128.0)),
    "iresnet50": Backbone(lambda side_px: IResNet(50, side_px), _RGB),
    "iresnet100": Backbone(lambda side_px: IResNet(100, side_px), _RGB),
    "attention56": Backbone(Attention56, _RGB),
}
"""Backbones by the names that params take."""


def make_backbone(name: str, crop_px: int, seed: int) -> nn.Module:
    """Build a backbone for aligned crops of a side, with seeded weights, channels last.

    Raises:
        StageError: it doesn't take crops of this side.
    """
    backbone = BACKBONES[name]
    backbone.inputs.room(crop_px)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network = backbone.make(crop_px)
        except ValueError as error:
            raise StageError(
                f"backbone {name} takes no aligned crops of {crop_px} pixels: {error}; choose "
                "another align.template or backbone"
            ) from error
    return network.to(memory_format=torch.channels_last)
