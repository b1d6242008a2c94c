"""PRNet's network, resfcn256, with the layout and the padding of the released one.

TensorFlow's ``SAME`` pads as little as it can and puts the odd pixel behind (right, bottom); torch
pads both sides alike. With an even kernel or a stride the two differ by a pixel, so the padding is
made by hand here. A transposed convolution of TensorFlow is the transpose of a padded convolution:
torch's, without padding, cropped by what that convolution would have padded.

Reference:
    Y. Feng et al., Joint 3D face reconstruction and dense alignment with position map regression
    network, ECCV 2018, section 3.2; layers, widths, normalisations and the factor of the output are
    those of public copies of its code (YadiraF/PRNet), read for facts.
"""

from torch import Tensor, nn
from torch.nn import functional

from models.unfilled import unfilled

SIDE_PX = 256
POSITION_SCALE = 281.6
"""Pixels of a crop of 256 that the network's largest output, 1, stands for: 256 · 1.1."""

_BLOCKS = (
    *((32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)),
    *((256, 2), (256, 1), (512, 2), (512, 1)),
)
_DECONVOLUTIONS = (
    *((512, 1), (256, 2), (256, 1), (256, 1), (128, 2), (128, 1), (128, 1)),
    *((64, 2), (64, 1), (64, 1), (32, 2), (32, 1), (16, 2), (16, 1), (3, 1), (3, 1), (3, 1)),
)
_BN_EPSILON = 1e-3
"""TensorFlow's; torch's default is 1e-5."""


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return how much TensorFlow's ``SAME`` pads before and behind an axis."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


class SameConv2d(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow does."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) → (n, c', ⌈h / stride⌉, ⌈w / stride⌉)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        top, bottom = same_padding(x.shape[2], kernel, stride)
        left, right = same_padding(x.shape[3], kernel, stride)
        padded = functional.pad(x, (left, right, top, bottom))
        return functional.conv2d(padded, self.weight, stride=self.stride)


class SameConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution without bias, cropped as TensorFlow does."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(n, c, h, w) → (n, c', h · stride, w · stride)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = x.shape[2] * stride, x.shape[3] * stride
        whole = functional.conv_transpose2d(x, self.weight, stride=self.stride)
        top, left = same_padding(height, kernel, stride)[0], same_padding(width, kernel, stride)[0]
        return whole[:, :, top : top + height, left : left + width]


class _Block(nn.Module):
    """Residual block: 1×1, 4×4, 1×1; BN and ReLU after the sum; a bare 1×1 where shapes differ."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = outputs // 2
        differs = stride != 1 or inputs != outputs
        self.shortcut = SameConv2d(inputs, outputs, 1, stride) if differs else nn.Identity()
        self.body = nn.Sequential(
            SameConv2d(inputs, inner, 1, 1),
            nn.BatchNorm2d(inner, eps=_BN_EPSILON),
            nn.ReLU(inplace=True),
            SameConv2d(inner, inner, 4, stride),
            nn.BatchNorm2d(inner, eps=_BN_EPSILON),
            nn.ReLU(inplace=True),
            SameConv2d(inner, outputs, 1, 1),
        )
        self.norm = nn.BatchNorm2d(outputs, eps=_BN_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.shortcut(x) + self.body(x)))


class ResFCN256(nn.Module):
    """Regresses a position map from a face's crop.

    Input: float32 (n, 3, 256, 256), RGB in [0, 1]. Output: (n, 3, 256, 256) in [0, 1]: x, y and z,
    in pixels of the crop once multiplied by ``POSITION_SCALE``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            SameConv2d(3, 16, 4, 1), nn.BatchNorm2d(16, eps=_BN_EPSILON), nn.ReLU(inplace=True)
        )
        blocks, width = [], 16
        for outputs, stride in _BLOCKS:
            blocks.append(_Block(width, outputs, stride))
            width = outputs
        self.encoder = nn.Sequential(*blocks)
        layers: list[nn.Module] = []
        last = len(_DECONVOLUTIONS) - 1
        for index, (outputs, stride) in enumerate(_DECONVOLUTIONS):
            layers += [
                SameConvTranspose2d(width, outputs, 4, stride),
                nn.BatchNorm2d(outputs, eps=_BN_EPSILON),
                nn.ReLU(inplace=True) if index < last else nn.Sigmoid(),
            ]
            width = outputs
        self.decoder = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network; shapes as in the class."""
        out: Tensor = self.decoder(self.encoder(self.stem(x)))
        return out


def load_resfcn256(state: dict[str, Tensor]) -> ResFCN256:
    """Build the network from a state dict of its own layout, ready to run.

    Raises:
        RuntimeError: the state holds another network.
    """
    network = unfilled(ResFCN256)
    network.load_state_dict(state, strict=True)
    return network.eval()
