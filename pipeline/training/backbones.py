"""Backbones by name: where each is, how it is made, and what images it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

import torch
from torch import nn

from models.seeding import seeded
from pipeline.errors import StageError
from pipeline.training.data.images import HW
from pipeline.training.data.preprocess import Preprocess


@dataclass(frozen=True)
class Backbone:
    """A network that embeds images.

    Attributes:
        network: name of its class.
        preprocess: what images it takes.
        options: arguments of the class.
        shape: what crops it takes: of one size, square ones (``side_px``), or any (``hw``).
    """

    network: str
    preprocess: Preprocess
    options: Mapping[str, int] = field(default_factory=dict)
    shape: Literal["fixed", "square", "any"] = "square"


_GREY_128 = Preprocess(grey=True, hw=(128, 128), offset=0.0, divisor=255.0)
_RGB = Preprocess(grey=False, hw=None, offset=127.5, divisor=127.5)

MODULES: dict[str, str] = {
    "lightcnn9": "models.backbones.lightcnn",
    "lightcnn29v2": "models.backbones.lightcnn",
    "mobilefacenet": "models.backbones.mobilefacenet",
    "iresnet18": "models.backbones.iresnet",
    "iresnet50": "models.backbones.iresnet",
    "iresnet100": "models.backbones.iresnet",
    "adaface50": "models.backbones.iresnet",
    "adaface100": "models.backbones.iresnet",
    "attention56": "models.backbones.attention",
}
"""Where their classes are; imported when one is made."""

BACKBONES: dict[str, Backbone] = {
    "lightcnn9": Backbone("LightCNN9", _GREY_128, shape="fixed"),
    "lightcnn29v2": Backbone("LightCNN29v2", _GREY_128, shape="fixed"),
    "mobilefacenet": Backbone("MobileFaceNet", Preprocess(False, None, 127.5, 128.0)),
    "iresnet18": Backbone("IResNet", _RGB, {"depth": 18}, "any"),
    "iresnet50": Backbone("IResNet", _RGB, {"depth": 50}, "any"),
    "iresnet100": Backbone("IResNet", _RGB, {"depth": 100}, "any"),
    "adaface50": Backbone("IResNet", _RGB, {"depth": 50, "adaface": True}, "any"),
    "adaface100": Backbone("IResNet", _RGB, {"depth": 100, "adaface": True}, "any"),
    "attention56": Backbone("Attention56", _RGB),
}
"""Backbones by the names that params take."""


def make_backbone(name: str, hw: HW, seed: int) -> nn.Module:
    """Build a backbone for crops of a height and width, with seeded weights, channels last.

    Raises:
        StageError: it doesn't take crops of this size.
    """
    backbone = BACKBONES[name]
    backbone.preprocess.room(hw)
    options: dict[str, Any] = dict(backbone.options)
    if backbone.shape == "any":
        options["hw"] = hw
    if backbone.shape == "square":
        if hw[0] != hw[1]:
            raise _refusal(name, hw, "expected square ones")
        options["side_px"] = hw[0]
    make: Callable[..., nn.Module] = getattr(import_module(MODULES[name]), backbone.network)
    with seeded(seed):
        try:
            network = make(**options)
        except ValueError as error:
            raise _refusal(name, hw, str(error)) from error
    return network.to(memory_format=torch.channels_last)


def _refusal(name: str, hw: HW, why: str) -> StageError:
    return StageError(
        f"backbone {name} takes no crops of {hw[0]}×{hw[1]} pixels: {why}; choose another "
        "alignment template or backbone"
    )
