"""Packed convolutions give the bits that plain ones give; other networks stay as they are."""

import pytest
import torch
from torch import nn

from models.nets.packed import PackedConv2d, pack_convolutions
from models.precision import computes_bfloat16


def network(dtype):
    torch.manual_seed(5)
    layers = [
        nn.Conv2d(3, 16, 7, 2, padding=3),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 8, 1, bias=False)),
    ]
    net = nn.Sequential(*layers).eval().to(dtype)
    return net.to(memory_format=torch.channels_last)


def picture(dtype, side):
    pixels = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(side))
    return pixels.to(dtype).contiguous(memory_format=torch.channels_last)


@pytest.mark.skipif(not computes_bfloat16("cpu"), reason="the processor has no bfloat16")
@torch.inference_mode()
def test_packing_changes_no_bit_for_any_shape():
    plain, packed = network(torch.bfloat16), network(torch.bfloat16)
    pack_convolutions(packed, picture(torch.bfloat16, 64))
    assert sum(isinstance(module, PackedConv2d) for module in packed.modules()) == 3
    assert not any(isinstance(module, nn.Conv2d) for module in packed.modules())
    for side in (64, 30):
        given = picture(torch.bfloat16, side)
        assert torch.equal(packed(given), plain(given))


def test_float32_is_left_alone():
    net = network(torch.float32)
    pack_convolutions(net, picture(torch.float32, 64))
    assert not any(isinstance(module, PackedConv2d) for module in net.modules())
