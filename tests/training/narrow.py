"""LightCNN-9 with few channels below its last group, and short features.

A training of it says as much of stages and methods, and takes a tenth of the time and of the disk.
The whole network is tested in ``tests/models/backbones``, and as ONNX in ``test_portable.py``.
"""

from contextlib import contextmanager

import pytest
from torch import nn

from models.backbones.lightcnn import TRUNK_CELLS, Group, LightCNN9, MaxFeatureMap
from models.pram.network import WholeFace

CHANNELS = (8, 16, 32)


def _init(network):
    """Stand in for ``LightCNN9.__init__``: the same layers, all but the last two groups narrow."""
    nn.Module.__init__(network)
    first, second, third = CHANNELS
    network.features = nn.Sequential(
        MaxFeatureMap(1, first, 5),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        Group(first, second),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        Group(second, third),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        Group(third, LightCNN9.map_channels),
        Group(LightCNN9.map_channels, LightCNN9.map_channels),
        nn.MaxPool2d(2, 2, ceil_mode=True),
    )
    network.fc1 = MaxFeatureMap(TRUNK_CELLS, network.dimensions)


@contextmanager
def built(init, dimensions):
    """Let each LightCNN-9 that is built meanwhile be of this kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LightCNN9, "__init__", init)
        for network in (LightCNN9, WholeFace):
            patch.setattr(network, "dimensions", dimensions)
        yield


NARROW = _init, 32
WHOLE = LightCNN9.__init__, LightCNN9.dimensions
