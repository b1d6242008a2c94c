"""Networks built for weights of a file: the same as one that was filled first."""

import subprocess
import sys

import torch
from torch import nn

from models.bisenet.network import BiSeNet
from models.prnet.network import ResFCN256
from models.sface.network import SFaceNet
from models.unfilled import unfilled


def test_no_random_number_is_drawn():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    unfilled(lambda: BiSeNet(19))
    assert torch.equal(torch.rand(4), expected)


def test_nothing_more_is_imported():
    """Torch takes 0.4 s to import sympy, in each process that loads a network."""
    code = "import sys; from models.sface.network import *; unfilled(SFaceNet); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "models.unfilled" in ran.stdout.split()
    assert "sympy" not in ran.stdout.split()


def test_all_values_come_from_the_state():
    def built():
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.PReLU(8))

    filled = built()
    for value in filled[1].buffers():
        value.fill_(5)
    network = unfilled(built)
    network.load_state_dict(filled.state_dict(), strict=True)
    image = torch.rand(2, 3, 9, 9)
    assert torch.equal(network(image), filled(image))
    assert all(value.device.type == "cpu" for value in network.state_dict().values())
    assert {value.requires_grad for value in network.parameters()} == {True}


def test_the_state_holds_all_buffers_of_those_that_are_loaded_so():
    for build in (lambda: BiSeNet(19), SFaceNet, ResFCN256):
        network = build()
        held = network.state_dict()
        assert all(name in held for name, _ in network.named_buffers())
