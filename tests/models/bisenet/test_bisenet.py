"""BiSeNet computes what the released network computes, and takes no other file."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from facexlib.parsing.bisenet import BiSeNet as FacexlibBiSeNet

from models.bisenet.network import AUXILIARY_HEADS, BiSeNet, fold_batch_norm, load_bisenet
from pipeline.errors import WeightsError

INPUT = torch.randn(1, 3, 256, 192, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def released(weight_file):
    return weight_file("bisenet_r18")


@pytest.fixture(scope="module")
def state(released):
    return torch.load(released, map_location="cpu", weights_only=True)


@pytest.fixture
def saved(tmp_path):
    def save(content):
        path = tmp_path / "weights.pth"
        torch.save(content, path)
        return path

    return save


@torch.inference_mode()
def test_equals_facexlibs_main_output(released, state):
    reference = FacexlibBiSeNet(num_class=19).eval()
    reference.load_state_dict(state, strict=True)
    expected = reference(INPUT)[0]
    logits = load_bisenet(released)(INPUT)
    assert logits.shape == (1, 19, 32, 24)
    upsampled = F.interpolate(logits, INPUT.shape[2:], mode="bilinear", align_corners=True)
    assert torch.allclose(upsampled, expected, rtol=0, atol=1e-4)


@torch.inference_mode()
def test_folding_keeps_the_function_and_leaves_no_batch_norm(released):
    net = load_bisenet(released)
    expected = net(INPUT)
    fold_batch_norm(net)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in net.modules())
    assert torch.allclose(net(INPUT), expected, rtol=0, atol=1e-4)


def test_a_file_without_the_auxiliary_heads_loads(state, saved):
    bare = {key: value for key, value in state.items() if not key.startswith(AUXILIARY_HEADS)}
    assert load_bisenet(saved(bare)).training is False


def test_a_missing_key_is_named(state, saved):
    short = {key: value for key, value in state.items() if key != "ffm.conv1.weight"}
    with pytest.raises(WeightsError, match=r"ffm\.conv1\.weight"):
        load_bisenet(saved(short))


@pytest.mark.parametrize("key", ["classifier.weight", "conv_out16.surprise"])
def test_an_unexpected_key_is_named(state, saved, key):
    with pytest.raises(WeightsError, match=key):
        load_bisenet(saved({**state, key: torch.zeros(1)}))


def test_another_shape_is_refused(released):
    with pytest.raises(WeightsError, match="size mismatch"):
        load_bisenet(released, classes=11)


def test_a_file_of_something_else_is_refused(saved):
    with pytest.raises(WeightsError, match="found list"):
        load_bisenet(saved([1, 2]))


def test_a_pickle_that_runs_code_is_not_opened(saved):
    with pytest.raises(WeightsError, match="cannot read"):
        load_bisenet(saved(BiSeNet(2)))


@pytest.mark.parametrize("content", [None, b"", b"no weights here", b"PK\x03\x04 cut short"])
def test_an_absent_or_broken_file_is_refused(tmp_path: Path, content):
    path = tmp_path / "broken.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"broken\.pth"):
        load_bisenet(path)
