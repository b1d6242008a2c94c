"""DMFR's networks: their shapes at the paper's size and at 144×144, and what trains."""

import pytest
import torch

from models.backbones.feature_map import MapsFeatures
from models.backbones.iresnet import IResNet
from models.backbones.lightcnn import LightCNN9
from models.backbones.mobilefacenet import MobileFaceNet
from models.dmfr.decoders import ImageDecoder
from models.dmfr.disentangle import DisentanglingNetwork, MapDecoder
from models.dmfr.filter import FilteredNetwork
from pipeline.training.backbones import make_backbone

SIZES = {(169, 137): (11, 9), (144, 144): (9, 9)}
"""Crops by height and width: the paper's and ours, and the map that stride 16 leaves."""


@pytest.mark.parametrize(("hw", "map_hw"), SIZES.items())
@pytest.mark.parametrize("depth", [18, 100])
def test_the_maps_of_residual_networks(hw, map_hw, depth):
    with torch.device("meta"):
        network = IResNet(depth, hw=hw).eval()
        assert network.feature_map(torch.zeros(2, 3, *hw)).shape == (2, 512, *map_hw)
        assert network(torch.zeros(2, 3, *hw)).shape == (2, 512)
    assert network.map_hw == map_hw


@pytest.mark.parametrize(("hw", "map_hw"), SIZES.items())
def test_both_decoders_give_back_the_size_of_what_was_encoded(hw, map_hw):
    with torch.device("meta"):
        network = DisentanglingNetwork(IResNet(18, hw=hw)).eval()
        parts = network.parts(torch.zeros(2, 3, *hw))
        decoder = MapDecoder(network.dimensions, network.map_channels, network.map_hw).eval()
        assert parts.feature_map.shape == decoder(parts.entangled).shape == (2, 1024, *map_hw)
        assert ImageDecoder(512, hw)(parts.identity).shape == (2, 3, *hw)
    assert [each.shape for each in parts[:3]] == [(2, 512)] * 3


def test_identity_is_what_is_left_of_the_entangled():
    torch.manual_seed(0)
    network = DisentanglingNetwork(LightCNN9(), dimensions=8, map_channels=16).eval()
    images = torch.rand(2, 1, 128, 128)
    parts = network.parts(images)
    assert torch.equal(parts.identity, parts.entangled - parts.other)
    assert torch.equal(network(images), parts.identity)
    # each trunk sees its own half of the channels
    network.spread.weight.data[8:] = 0
    network.spread.bias.data[8:] += 1
    moved = network.parts(images)
    assert torch.equal(moved.entangled, parts.entangled)
    assert not torch.allclose(moved.other, parts.other)


def test_the_difference_is_not_rounded_to_bfloat16():
    torch.manual_seed(0)
    network = DisentanglingNetwork(LightCNN9(), dimensions=64, map_channels=16).eval()
    with torch.autocast("cpu", torch.bfloat16):
        parts = network.parts(torch.rand(2, 1, 128, 128))
    assert parts.identity.dtype == torch.float32
    apart = parts.entangled.double() - parts.other.double()
    assert torch.equal(parts.identity, apart.float())
    assert not torch.equal(parts.identity, apart.bfloat16().float())


@pytest.mark.parametrize(
    ("make", "shape"), [(LightCNN9, (1, 128, 128)), (lambda: IResNet(18, 48), (3, 48, 48))]
)
def test_all_that_trains_of_a_disentangling_network_has_a_gradient(make, shape):
    backbone = make()
    network = DisentanglingNetwork(backbone, dimensions=8, map_channels=16)
    network(torch.rand(2, *shape)).sum().backward()
    last = {id(parameter) for parameter in backbone.last_layer.parameters()}
    assert last
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad == (id(parameter) not in last), name
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_a_map_and_its_features_are_the_network_itself():
    torch.manual_seed(0)
    for network, shape in ((LightCNN9(), (1, 128, 128)), (IResNet(18, 48), (3, 48, 48))):
        network.eval()
        assert isinstance(network, MapsFeatures)
        images = torch.rand(2, *shape)
        assert torch.equal(network.from_map(network.feature_map(images)), network(images))
        assert network.feature_map(images).shape[1:] == (network.map_channels, *network.map_hw)


def test_a_backbone_without_a_map_is_refused():
    with pytest.raises(ValueError, match="MobileFaceNet has no feature map"):
        DisentanglingNetwork(MobileFaceNet(112))


def test_a_filtered_network_embeds_without_its_filter():
    torch.manual_seed(0)
    network = FilteredNetwork(IResNet(18, 48)).eval()
    images = torch.rand(2, 3, 48, 48)
    before = network(images)
    torch.nn.init.normal_(network.filter.output.weight)
    assert torch.equal(network(images), before)
    assert any(name.startswith("filter.") for name in network.state_dict())


@pytest.mark.parametrize("name", ["lightcnn9", "iresnet18"])
@pytest.mark.parametrize("hw", SIZES)
def test_the_default_backbones_take_both_crops(name, hw):
    network = make_backbone(name, hw, seed=1)
    assert isinstance(network, MapsFeatures)
