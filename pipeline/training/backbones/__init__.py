"""Backbones that params choose by name, each in a module that is imported when it is asked for.

To add one: its network below ``models/backbones``, its module here, which maps names to what
``Backbone`` says of them in ``BACKBONES``, and an entry in ``MODULES``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, cast

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
        network: its class.
        preprocess: what images it takes.
        options: arguments of the class.
        shape: what crops it takes: of one size, square ones (``side_px``), or any (``hw``).
    """

    network: Callable[..., nn.Module]
    preprocess: Preprocess
    options: Mapping[str, int] = field(default_factory=dict)
    shape: Literal["fixed", "square", "any"] = "square"


MODULES: dict[str, str] = {
    "lightcnn9": "pipeline.training.backbones.lightcnn",
    "lightcnn29v2": "pipeline.training.backbones.lightcnn",
    "mobilefacenet": "pipeline.training.backbones.mobilefacenet",
    "iresnet18": "pipeline.training.backbones.iresnet",
    "iresnet50": "pipeline.training.backbones.iresnet",
    "iresnet100": "pipeline.training.backbones.iresnet",
    "adaface50": "pipeline.training.backbones.iresnet",
    "adaface100": "pipeline.training.backbones.iresnet",
    "attention56": "pipeline.training.backbones.attention",
}
"""Modules by the names that params take."""


def backbone_named(name: str) -> Backbone:
    """Return what is known of a backbone."""
    return cast(Backbone, import_module(MODULES[name]).BACKBONES[name])


def make_backbone(name: str, hw: HW, seed: int) -> nn.Module:
    """Build a backbone for crops of a height and width, with seeded weights, channels last.

    Raises:
        StageError: it doesn't take crops of this size.
    """
    backbone = backbone_named(name)
    backbone.preprocess.room(hw)
    options: dict[str, Any] = dict(backbone.options)
    if backbone.shape == "any":
        options["hw"] = hw
    if backbone.shape == "square":
        if hw[0] != hw[1]:
            raise _refusal(name, hw, "expected square ones")
        options["side_px"] = hw[0]
    with seeded(seed):
        try:
            network = backbone.network(**options)
        except ValueError as error:
            raise _refusal(name, hw, str(error)) from error
    return network.to(memory_format=torch.channels_last)


def _refusal(name: str, hw: HW, why: str) -> StageError:
    return StageError(
        f"backbone {name} takes no crops of {hw[0]}×{hw[1]} pixels: {why}; choose another "
        "alignment template or backbone"
    )
