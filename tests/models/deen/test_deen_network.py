"""DEEN's network: its shapes, its stems, what its blocks compute, and whose weights it takes up."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from timm.models.resnet import BasicBlock, ResNet

from models.deen.checkpoints import load_deen
from models.deen.network import Aggregation, Branch, Deen, Design, Expansion
from pipeline.errors import WeightsError

SMALL = Design(depth=18)
INFRARED = torch.tensor([False, True, True, False])


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Deen(SMALL).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(4, 3, 64, 32, generator=torch.Generator().manual_seed(1))


def embedded(network, images, infrared):
    return network.join(network.parts(images, infrared))


@torch.no_grad()
def test_shapes(network, images):
    assert network.maps(images, INFRARED).shape == (4, 3, 512, 4, 2)  # the last stage keeps sides
    assert network(images, INFRARED).shape == (4, 3, 512)
    embeddings = embedded(network, images, INFRARED)
    assert embeddings.shape == (4, network.dimensions) == (4, 2 * 3 * 512)
    parts = embeddings.unflatten(1, (6, 512)).norm(dim=2)
    torch.testing.assert_close(parts, torch.ones(4, 6))


@torch.no_grad()
def test_three_stages_as_for_regdb(images):
    torch.manual_seed(0)
    network = Deen(Design(18, stages=3, branches=1)).eval()
    assert network.maps(images, INFRARED).shape == (4, 2, 256, 4, 2)
    assert len(network.aggregations) == 2


@torch.no_grad()
def test_a_bottleneck_network_is_the_papers(images):
    torch.manual_seed(0)
    network = Deen(Design()).eval()
    assert network(images[:1], INFRARED[:1]).shape == (1, 3, 2048)
    assert network.expansion.branches[0].back.out_channels == 1024


@torch.no_grad()
def test_an_image_is_embedded_alike_alone_and_among_others_of_both_bands(network, images):
    together = embedded(network, images, INFRARED)
    alone = [embedded(network, images[i : i + 1], INFRARED[i : i + 1]) for i in range(4)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_each_band_has_a_stem_of_its_own(network, images):
    turned = embedded(network, images, ~INFRARED)
    assert (embedded(network, images, INFRARED) - turned).abs().amax(dim=1).min() > 1e-3


@torch.no_grad()
def test_a_branch_is_the_mean_of_three_dilations_rectified_and_widened():
    torch.manual_seed(0)
    branch, values = Branch(8), torch.randn(1, 8, 5, 4)
    expected = torch.zeros(1, 2, 5, 4)
    for dilation, layer in zip((1, 2, 3), branch.dilated, strict=True):
        padded = F.pad(values, [dilation] * 4)
        for row in range(5):
            for column in range(4):
                seen = padded[
                    0, :, row : row + 2 * dilation + 1 : dilation,
                    column : column + 2 * dilation + 1 : dilation,
                ]  # fmt: skip
                expected[0, :, row, column] += (layer.weight * seen).sum(dim=(1, 2, 3)) / 3
    expected = branch.back(expected.clamp_min(0))
    torch.testing.assert_close(branch(values), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_an_expansion_keeps_what_it_is_given_in_front():
    expansion, values = Expansion(8, branches=2).eval(), torch.randn(3, 8, 5, 4)
    found = expansion(values)
    assert found.shape == (9, 8, 5, 4)
    assert torch.equal(found[:3], values)
    torch.testing.assert_close(found[6:], expansion.branches[1](values))


@torch.no_grad()
@pytest.mark.parametrize("stride", [1, 2])
def test_aggregation_begins_as_the_identity_and_is_two_relations_by_loops(stride):
    torch.manual_seed(0)
    block = Aggregation(6, 4, stride).double().eval()
    high, low = torch.randn(2, 6, 3, 2).double(), torch.randn(2, 4, 3 * stride, 2 * stride).double()
    assert torch.equal(block(high, low), high)
    for relation in (block.channel, block.place):
        torch.nn.init.ones_(relation.back[1].weight)
    query, key, value = block.channel.read(high, low)
    seen = torch.zeros_like(value)
    for image in range(2):
        for i in range(4):
            for j in range(4):
                alike = (query[image, i] * key[image, j]).sum() / 4
                seen[image, i] += alike * value[image, j]
    middle = high + block.channel.back(seen)
    query, key, value = (each.flatten(2) for each in block.place.read(middle, low))
    placed = torch.zeros(2, value.shape[1], 6).double()
    for image in range(2):
        for p in range(6):
            for q in range(value.shape[2]):
                alike = (query[image, :, p] * key[image, :, q]).sum() / value.shape[2]
                placed[image, :, p] += alike * value[image, :, q]
    expected = middle + block.place.back(placed.view(2, -1, 3, 2))
    torch.testing.assert_close(block(high, low), expected)


def test_a_resnet_of_imagenet_gives_both_stems_and_the_stages(tmp_path):
    torch.manual_seed(5)
    theirs = ResNet(BasicBlock, (2, 2, 2, 2)).state_dict()
    torch.save(theirs, tmp_path / "resnet.pth")
    network = Deen(SMALL)
    report = load_deen(network, tmp_path / "resnet.pth")
    for stem in network.stems:
        assert torch.equal(stem.conv1.weight, theirs["conv1.weight"])
    assert torch.equal(network.layers[3][1].conv2.weight, theirs["layer4.1.conv2.weight"])
    assert report.unused == ("fc.bias", "fc.weight")
    assert {name.split(".")[0] for name in report.missing} == {"aggregations", "expansion", "neck"}
    assert "stems.1.conv1.weight" in report.copied


def authors_names(state):
    """A state as the authors' code saves it: whole networks in three modules, other names."""
    resnet = ResNet(BasicBlock, (2, 2, 2, 2)).state_dict()
    saved = {
        f"{module}.{name}": value
        for module in ("visible_module.visible", "thermal_module.thermal", "base_resnet.base")
        for name, value in resnet.items()
    }
    relation = {"value": "g", "query": "theta", "key": "phi", "back": "W"}
    for name, value in state.items():
        head, *rest = name.split(".")
        if head == "stems":
            module = ("visible_module.visible", "thermal_module.thermal")[int(rest[0])]
            saved[".".join([module, *rest[1:]])] = value
        elif head == "layers":
            saved[".".join([f"base_resnet.base.layer{int(rest[0]) + 1}", *rest[1:]])] = value
        elif head == "aggregations":
            block = {"channel": "CNL", "place": "PNL"}[rest[1]]
            stage = f"MFA{int(rest[0]) + 1}"
            saved[".".join([stage, block, relation[rest[2]], *rest[3:]])] = value
        elif head == "expansion":
            step = int(rest[3]) + 1 if rest[2] == "dilated" else ""
            saved[f"DEE.FC{int(rest[1]) + 1}{step}.{rest[-1]}"] = value
        else:
            saved[".".join(["bottleneck", *rest])] = value
    return saved | {"classifier.weight": torch.zeros(3, 512)}


def test_a_network_of_the_authors_names_comes_through_whole(tmp_path, images):
    torch.manual_seed(6)
    theirs = Deen(SMALL)
    for layer in theirs.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
    torch.save({"net": authors_names(theirs.state_dict()), "epoch": 3}, tmp_path / "deen.t")
    torch.manual_seed(7)
    ours = Deen(SMALL)
    report = load_deen(ours, tmp_path / "deen.t")
    assert not report.missing
    assert not report.copied
    with torch.no_grad():
        found, expected = (embedded(each.eval(), images, INFRARED) for each in (ours, theirs))
    torch.testing.assert_close(found, expected)


def test_a_resnet_of_another_depth_is_refused(tmp_path):
    torch.save(ResNet(BasicBlock, (3, 4, 6, 3)).state_dict(), tmp_path / "resnet34.pth")
    with pytest.raises(WeightsError, match=r"fit Deen: missing none; unknown layers\.0\.2"):
        load_deen(Deen(SMALL), tmp_path / "resnet34.pth")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_without_a_band_has_gradients_of_both_stems(images, monkeypatch, processes):
    """Others, which have that band, wait for them."""
    monkeypatch.setattr("models.deen.network.process_count", lambda: processes)
    torch.manual_seed(0)
    network = Deen(SMALL).train()
    network(images, torch.ones(4, dtype=torch.bool)).sum().backward()
    found = [[each.grad for each in stem.parameters()] for stem in network.stems]
    assert all(gradient.any() for gradient in found[1])
    if processes == 1:
        assert all(gradient is None for gradient in found[0])
    else:
        assert all(not gradient.any() for gradient in found[0])
