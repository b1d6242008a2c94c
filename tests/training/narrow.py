"""LightCNN-9 with few channels below its last group, and short features.

A training of it says as much of stages and methods, and takes a tenth of the time and of the disk.
The whole network is tested in ``tests/models/backbones``, and as ONNX in ``test_portable.py``.
"""

from contextlib import contextmanager

import pytest

from models.backbones.lightcnn import LightCNN9
from models.pram.network import WholeFace

NARROW = (8, 16, 32), 32
WHOLE = LightCNN9.widths, LightCNN9.dimensions


@contextmanager
def built(widths, dimensions):
    """Let each LightCNN-9 that is built meanwhile be of these widths and dimensions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LightCNN9, "widths", widths)
        for network in (LightCNN9, WholeFace):
            patch.setattr(network, "dimensions", dimensions)
        yield
