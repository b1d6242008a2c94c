import pytest
import torch

from models.backbones.checkpoints import load_backbone
from models.backbones.iresnet import IResNet
from models.backbones.lightcnn import LightCNN9, LightCNN29v2
from pipeline.errors import WeightsError


@pytest.fixture
def official(tmp_path):
    """LightCNN-9 as its authors publish it: wrapped, prefixed, with the classifier."""
    torch.manual_seed(0)
    network = LightCNN9()
    weights = {f"module.{name}": value for name, value in network.state_dict().items()}
    weights["module.fc2.weight"] = torch.zeros(7, 256)
    path = tmp_path / "LightCNN_9Layers.pth.tar"
    torch.save({"epoch": 3, "arch": "LightCNN", "state_dict": weights}, path)
    return network, path


def test_an_official_checkpoint_loads_strictly(official):
    network, path = official
    other = LightCNN9()
    report = load_backbone(other, path)
    assert report.heads == ("fc2.weight",)
    assert len(report.matched) == len(network.state_dict())
    assert "none missing; left over: fc2.weight" in str(report)
    for name, value in network.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


def test_another_architecture_is_refused_and_named(official):
    with pytest.raises(WeightsError, match=r"does not fit LightCNN29v2: missing block1") as error:
        load_backbone(LightCNN29v2(), official[1])
    assert "unknown" in str(error.value)


def test_another_shape_is_refused(official, tmp_path):
    network = official[0]
    weights = network.state_dict() | {"fc1.filter.bias": torch.zeros(3)}
    torch.save(weights, tmp_path / "cut.pth")
    with pytest.raises(WeightsError, match=r"fc1.filter.bias \(3,\) instead of \(512,\)"):
        load_backbone(LightCNN9(), tmp_path / "cut.pth")


@pytest.mark.parametrize("broken", [torch.nan, -torch.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, broken):
    network = IResNet(18, 16)
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    weights["body.3.res_layer.1.weight"][2, 1] = broken
    torch.save(weights, tmp_path / "diverged.pth")
    count, before = len(weights), network.input_layer[0].weight.clone()
    message = rf"1 of {count} weights are not finite, body\.3\.res_layer\.1\.weight: expected"
    with pytest.raises(WeightsError, match=message):
        load_backbone(network, tmp_path / "diverged.pth")
    assert torch.equal(network.input_layer[0].weight, before)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "x.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"x\.pth"):
        load_backbone(LightCNN9(), path)


def test_a_whole_pickled_network_is_refused(tmp_path):
    torch.save(LightCNN9(), tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="plain tensors"):
        load_backbone(LightCNN9(), tmp_path / "x.pth")


@pytest.fixture
def adaface(tmp_path):
    """AdaFace's layout: prefixed beside a head, a BN more in units, no weights in the last BN."""
    torch.manual_seed(0)
    network = IResNet(18, 16, adaface=True).eval()
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.running_mean.uniform_(-0.1, 0.1)
    weights = {f"model.{name}": value.clone() for name, value in network.state_dict().items()}
    for name in ("weight", "bias"):
        del weights[f"model.output_layer.4.{name}"]
    weights |= {"head.kernel": torch.zeros(512, 7), "head.t": torch.zeros(1)}
    path = tmp_path / "adaface_ir18.ckpt"
    torch.save({"epoch": 3, "state_dict": weights}, path)
    return network, path


def test_adafaces_files_load_and_take_rgb(adaface):
    network, path = adaface
    other = IResNet(18, 16, adaface=True).eval()
    report = load_backbone(other, path)
    assert report.heads == ("head.kernel", "head.t")
    images = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(other(images), network(images.flip(1)))
        assert not torch.allclose(other(images), network(images))


def test_what_crops_a_file_is_for_is_told(adaface):
    with pytest.raises(WeightsError, match=r"output_layer\.3\.weight.*align\.template: arcface112"):
        load_backbone(IResNet(18, 32, adaface=True), adaface[1])


def test_adafaces_file_is_none_of_arcfaces_network(adaface):
    with pytest.raises(WeightsError, match="does not fit IResNet"):
        load_backbone(IResNet(18, 16), adaface[1])
