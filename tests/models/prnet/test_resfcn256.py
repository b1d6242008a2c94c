"""PRNet's network: TensorFlow's padding against sums by hand, and the released shape."""

import numpy as np
import pytest
import torch

from models.prnet.network import (
    ResFCN256,
    SameConv2d,
    SameConvTranspose2d,
    load_resfcn256,
    same_padding,
)


def slow_same_conv(x, weight, stride):
    """TensorFlow's definition, output by output: out = ⌈in / stride⌉, the odd pixel goes behind."""
    outputs, _, kernel, _ = weight.shape
    height, width = x.shape[1:]
    rows, columns = -(-height // stride), -(-width // stride)
    top = max((rows - 1) * stride + kernel - height, 0) // 2
    left = max((columns - 1) * stride + kernel - width, 0) // 2
    out = np.zeros((outputs, rows, columns))
    for o, i, j in np.ndindex(out.shape):
        for c, k, m in np.ndindex(weight.shape[1:]):
            y, z = i * stride + k - top, j * stride + m - left
            if 0 <= y < height and 0 <= z < width:
                out[o, i, j] += weight[o, c, k, m] * x[c, y, z]
    return out


def slow_transpose(x, weight, stride):
    """The transpose of ``slow_same_conv`` as TensorFlow defines conv2d_transpose."""
    _, outputs, kernel, _ = weight.shape
    height, width = x.shape[1] * stride, x.shape[2] * stride
    top = max((x.shape[1] - 1) * stride + kernel - height, 0) // 2
    left = max((x.shape[2] - 1) * stride + kernel - width, 0) // 2
    out = np.zeros((outputs, height, width))
    for c, i, j in np.ndindex(x.shape):
        for o, k, m in np.ndindex(weight.shape[1:]):
            y, z = i * stride + k - top, j * stride + m - left
            if 0 <= y < height and 0 <= z < width:
                out[o, y, z] += weight[c, o, k, m] * x[c, i, j]
    return out


@pytest.mark.parametrize(
    ("length", "kernel", "stride", "expected"),
    [
        (256, 4, 1, (1, 2)),
        (256, 4, 2, (1, 1)),
        (5, 4, 2, (1, 2)),
        (8, 1, 2, (0, 0)),
        (7, 3, 1, (1, 1)),
    ],
)
def test_padding_by_hand(length, kernel, stride, expected):
    assert same_padding(length, kernel, stride) == expected


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [6, 7])
def test_convolution_equals_tensorflows_definition(stride, side):
    torch.manual_seed(0)
    layer = SameConv2d(2, 3, 4, stride).double()
    x = torch.randn(1, 2, side, side, dtype=torch.float64)
    expected = slow_same_conv(x[0].numpy(), layer.weight.detach().numpy(), stride)
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [4, 5])
def test_transposed_convolution_equals_tensorflows_definition(stride, side):
    torch.manual_seed(1)
    layer = SameConvTranspose2d(2, 3, 4, stride).double()
    x = torch.randn(1, 2, side, side, dtype=torch.float64)
    expected = slow_transpose(x[0].numpy(), layer.weight.detach().numpy(), stride)
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), expected, atol=1e-12)


def test_the_network_has_the_released_depth_widths_and_no_biases():
    network = ResFCN256()
    blocks = [(block.body[0].in_channels, block.body[6].out_channels) for block in network.encoder]
    assert [outputs for _, outputs in blocks] == [32, 32, 64, 64, 128, 128, 256, 256, 512, 512]
    ups = [layer for layer in network.decoder if isinstance(layer, torch.nn.ConvTranspose2d)]
    assert [(layer.out_channels, layer.stride[0]) for layer in ups] == [
        *((512, 1), (256, 2), (256, 1), (256, 1), (128, 2), (128, 1), (128, 1)),
        *((64, 2), (64, 1), (64, 1), (32, 2), (32, 1), (16, 2), (16, 1), (3, 1), (3, 1), (3, 1)),
    ]  # as public copies of its code have them
    kernels = {(m.in_channels, m.kernel_size) for m in network.modules() if type(m) is SameConv2d}
    assert {kernel for _, kernel in kernels} == {(1, 1), (4, 4)}
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 1 + 10 * 3 + 17  # none behind a shortcut
    assert {(norm.eps, norm.affine) for norm in norms} == {(1e-3, True)}
    convolutions = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    assert all(m.bias is None for m in network.modules() if isinstance(m, convolutions))
    shortcuts = [isinstance(block.shortcut, torch.nn.Identity) for block in network.encoder]
    assert shortcuts == [False, True] * 5


def test_a_crop_gives_a_map_between_0_and_1():
    torch.manual_seed(2)
    network = load_resfcn256(ResFCN256().state_dict())
    with torch.inference_mode():
        out = network(torch.rand(1, 3, 256, 256))
    assert out.shape == (1, 3, 256, 256)
    assert out.min() >= 0
    assert out.max() <= 1


def test_another_networks_weights_are_refused():
    with pytest.raises(RuntimeError, match="Missing key"):
        load_resfcn256({})
