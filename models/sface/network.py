"""SFace's network: MobileNet of depth 14 with PReLU, no stride in its first convolution.

The weights are those of the released ONNX file; torch computes, in bfloat16 where the processor has
it, which OpenCV can't.

Reference:
    Y. Zhong et al., SFace: sigmoid-constrained hypersphere loss for robust face recognition, TIP
    30, 2021. A. Howard et al., MobileNets, arXiv:1704.04861, table 1.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor, nn

from models.unfilled import unfilled
from pipeline.errors import WeightsError
from pipeline.types import Float32

DIMENSIONS = 128
SIDE_PX = 112
_WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_HALVING = (3, 5, 7, 13)
"""Blocks whose depthwise convolution has stride 2, counted from 1."""
_GRID = 7
_EPSILON, _LAST_EPSILON = 1e-3, 2e-5
"""Of the batch normalisations after convolutions, and of the last two."""


class Spatial(nn.Module):
    """3×3 convolution and PReLU."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, groups=groups)
        self.prelu = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h / stride, w / stride)."""
        y: Tensor = self.prelu(self.conv(x))
        return y


class Pointwise(nn.Module):
    """1×1 convolution and PReLU, as one product of matrices: a quarter quicker for one face."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.prelu = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h, w)."""
        y: Tensor = self.prelu(self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return y


class SFaceNet(nn.Module):
    """The network, its batch normalisations folded into what stands before or after them.

    Input: float (n, 3, 112, 112), RGB, (value − 127.5) / 128, channels last. Output: (n, 128).
    """

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [Spatial(3, _WIDTHS[0])]
        for block, (inputs, outputs) in enumerate(pairwise(_WIDTHS), 2):
            stride = 2 if block in _HALVING else 1
            blocks += [
                Spatial(inputs, inputs, stride=stride, groups=inputs),
                Pointwise(inputs, outputs),
            ]
        self.features = nn.Sequential(*blocks)
        self.embedding = nn.Linear(_GRID * _GRID * _WIDTHS[-1], DIMENSIONS)

    def forward(self, x: Tensor) -> Tensor:
        """Embed faces."""
        y: Tensor = self.features(x)
        embeddings: Tensor = self.embedding(y.permute(0, 2, 3, 1).flatten(1))
        return embeddings


def load_sface(path: Path) -> SFaceNet:
    """Load the released ONNX file.

    Raises:
        WeightsError: the file is missing, no ONNX file, or of another network.
    """
    if not path.is_file():
        raise WeightsError(f"SFace's weights are missing: {path}")
    try:
        stored = onnx.load(path).graph.initializer
    except DecodeError as error:
        raise WeightsError(f"{path} is not an ONNX file: {error}") from error
    arrays = {each.name: np.asarray(numpy_helper.to_array(each), np.float32) for each in stored}
    network = unfilled(SFaceNet)
    try:
        network.load_state_dict(_folded(arrays), strict=True)
    except (KeyError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} is not SFace 2021dec: {error}") from error
    return network.eval()


def _folded(arrays: Mapping[str, Float32]) -> dict[str, Tensor]:
    """Fold normalisations and name the weights as ``SFaceNet`` does."""
    names = ["conv_1", *(f"conv_{i}{part}" for i in range(2, 15) for part in ("_dw", ""))]
    state: dict[str, Float32] = {}
    for index, name in enumerate(names):
        scale, shift = _scale_shift(arrays, f"{name}_batchnorm", _EPSILON)
        weight = arrays[f"{name}_conv2d_weight"] * scale[:, None, None, None]
        pointwise = weight.shape[2:] == (1, 1)
        place = f"features.{index}.{'linear' if pointwise else 'conv'}"
        state[f"{place}.weight"] = weight[:, :, 0, 0] if pointwise else weight
        state[f"{place}.bias"] = shift
        state[f"features.{index}.prelu.weight"] = arrays[f"{name}_relu_gamma"].ravel()
    before, before_shift = _scale_shift(arrays, "bn1", _LAST_EPSILON)
    after, after_shift = _scale_shift(arrays, "fc1", _LAST_EPSILON)
    cells = arrays["pre_fc1_weight"].reshape(DIMENSIONS, len(before), -1)
    weight = cells * before[:, None] * after[:, None, None]
    state["embedding.weight"] = weight.transpose(0, 2, 1).reshape(DIMENSIONS, -1)
    bias = arrays["pre_fc1_bias"] + cells.sum(2) @ before_shift
    state["embedding.bias"] = bias * after + after_shift
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in state.items()}


def _scale_shift(
    arrays: Mapping[str, Float32], name: str, epsilon: float
) -> tuple[Float32, Float32]:
    """Return what a batch normalisation multiplies by and adds."""
    mean, variance, gamma, beta = (
        arrays[f"{name}_{part}"] for part in ("moving_mean", "moving_var", "gamma", "beta")
    )
    scale = gamma / np.sqrt(variance + np.float32(epsilon))
    return scale, beta - mean * scale
