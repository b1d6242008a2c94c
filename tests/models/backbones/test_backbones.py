"""Counts against the published figures, shapes, and what the papers' equations promise."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.backbones.attention import Attention56, attention_stages
from models.backbones.bn_neck import BNNeck
from models.backbones.iresnet import IResNet
from models.backbones.lightcnn import LargerHalf, LightCNN9, LightCNN29v2, MaxFeatureMap
from models.backbones.mobilefacenet import MobileFaceNet


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def macs(network, side_px, channels=3):
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network.eval()(torch.zeros(1, channels, side_px, side_px))
    return counter.get_total_flops() / 2


# (network, parameters, MACs, published parameters and MACs, how near they have to be)
CASES = {
    # The paper's 5,556 K holds layer 2's convolution as 165 K; it has 83 K.
    "lightcnn9": (LightCNN9, 5_480_864, 0.98e9, 5.474e6, 1.0e9),
    "mobilefacenet_112_128": (lambda: MobileFaceNet(112, 128), 1_003_136, 0.221e9, 0.99e6, 0.221e9),
    "mobilefacenet_112_512": (lambda: MobileFaceNet(112, 512), 1_200_512, 0.221e9, 1.19e6, 0.228e9),
    "ir50": (lambda: IResNet(50), 43_574_976, 6.30e9, 43.6e6, 6.3e9),
    "ir100": (lambda: IResNet(100), 65_129_792, 12.08e9, 65.2e6, 12.1e9),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_counts_are_the_published_ones(name):
    make, own_parameters, own_macs, published_parameters, published_macs = CASES[name]
    network = make()
    assert parameters(network) == own_parameters
    assert parameters(network) == pytest.approx(published_parameters, rel=0.015)
    found = macs(network, network.side_px, network.channels)
    assert found == pytest.approx(own_macs, rel=0.005)
    assert found == pytest.approx(published_macs, rel=0.035)


def test_attention56_with_the_papers_head_has_the_published_counts():
    network = nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        attention_stages((3, 2, 1)),
        nn.BatchNorm2d(2048),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2048, 1000),
    )
    assert parameters(network) == pytest.approx(31.9e6, rel=0.005)
    assert macs(network, 224) == pytest.approx(6.3e9, rel=0.01)


@pytest.mark.parametrize("side_px", [112, 144])
@pytest.mark.parametrize("make", [MobileFaceNet, lambda px: IResNet(50, px), Attention56])
def test_both_input_sides_give_an_embedding(make, side_px):
    network = make(side_px).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, side_px, side_px)).shape == (2, 512)


@pytest.mark.parametrize("make", [LightCNN9, LightCNN29v2])
def test_lightcnn_gives_256_values(make):
    with torch.no_grad():
        assert make().eval()(torch.zeros(2, 1, 128, 128)).shape == (2, 256)


def test_a_side_that_does_not_halve_four_times_is_refused():
    for make in (MobileFaceNet, lambda px: IResNet(50, px), Attention56):
        with pytest.raises(ValueError, match="multiple of 16"):
            make(120)


def test_an_unknown_depth_is_refused():
    with pytest.raises(ValueError, match="50"):
        IResNet(34)


def test_max_feature_map_takes_the_larger_half():
    layer = MaxFeatureMap(2, 1)
    layer.filter.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    layer.filter.bias.data.zero_()
    assert layer(torch.tensor([[3.0, 5.0], [7.0, 2.0]])).tolist() == [[5.0], [7.0]]


def test_the_larger_half_is_the_maximum_of_both_with_its_gradient():
    x = torch.randn(2, 6, 3, 3, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(LargerHalf.apply(x), torch.maximum(x[:, :3], x[:, 3:]))
    assert torch.autograd.gradcheck(LargerHalf.apply, (x,))
    wide = torch.randn(2, 6, 4, 4).to(memory_format=torch.channels_last).requires_grad_()
    LargerHalf.apply(wide).sum().backward()
    assert wide.grad.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(wide.grad.sum(dim=1), torch.full((2, 4, 4), 3.0))


@pytest.mark.parametrize("network", [LightCNN9, LightCNN29v2])
def test_an_absorbed_normalisation_is_exact(network):
    net, x = network().double().eval(), torch.rand(3, 1, 128, 128, dtype=torch.float64)
    before = net(x)
    mean, deviation = before.mean(dim=0).detach(), before.std(dim=0).detach() + 0.1
    net.absorb(mean, deviation)
    torch.testing.assert_close(net(x), (before - mean) / deviation)


def test_features_of_a_fresh_lightcnn_neither_fade_nor_grow():
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        cells = LightCNN9().features(torch.rand(2, 1, 128, 128))
    assert 0.3 < cells.square().mean().sqrt() < 3.0


def test_an_image_alone_is_normalised_by_what_was_met_before():
    torch.manual_seed(0)
    network = BNNeck(LightCNN9()).train()
    images = torch.rand(4, 1, 128, 128)
    with torch.no_grad():
        network(images)
        alone = network(images[:1])
        torch.testing.assert_close(alone, network.eval()(images)[:1], atol=1e-4, rtol=1e-4)
