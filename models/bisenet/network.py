"""BiSeNet with a ResNet-18 context path: the face parser of 19 classes.

The released face weights belong to a variant of the paper's network: there is no spatial path
of its own, the context path's features at 1/8 resolution stand in for it. Module names are those of
the released file (zllrunning/face-parsing.PyTorch, ``79999_iter.pth``), so that it loads strictly.

Reference:
    C. Yu et al., BiSeNet: Bilateral Segmentation Network for Real-time Semantic Segmentation,
    ECCV 2018.
"""

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from models.unfilled import unfilled
from pipeline.errors import WeightsError, one_line
from pipeline.weights.tensors import BROKEN, read_tensors

FACE_CLASSES = 19
STRIDE = 8
"""Input pixels per cell of the logits."""

AUXILIARY_HEADS = ("conv_out16", "conv_out32")
"""The two deep-supervision heads of training: in the released file, without a part in inference."""


class ConvBNReLU(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h, w)."""
        return F.relu(self.bn(self.conv(x)))


class ResidualBlock(nn.Module):
    """ResNet's basic block; the shortcut is projected where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h / stride, w / stride)."""
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(residual + self.downsample(x))


class ResNet18Features(nn.Module):
    """ResNet-18 without its classifier, read at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _residual_layer(64, 64, stride=1)
        self.layer2 = _residual_layer(64, 128, stride=2)
        self.layer3 = _residual_layer(128, 256, stride=2)
        self.layer4 = _residual_layer(256, 512, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (n, 3, h, w) to 128 channels at h / 8, 256 at h / 16 and 512 at h / 32."""
        # The paper's order, relu then pool, gives the same from four times the values.
        x = F.relu(F.max_pool2d(self.bn1(self.conv1(x)), 3, 2, padding=1))
        at8 = self.layer2(self.layer1(x))
        at16 = self.layer3(at8)
        return at8, at16, self.layer4(at16)


class AttentionRefinement(nn.Module):
    """Features weighted per channel by their own mean over the image (paper, figure 2b)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(channels_in, channels_out)
        self.conv_atten = nn.Conv2d(channels_out, channels_out, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h, w)."""
        features = self.conv(x)
        weight = self.bn_atten(self.conv_atten(_mean(features)))
        refined: Tensor = features * torch.sigmoid(weight)
        return refined


class ContextPath(nn.Module):
    """ResNet-18 and the refinement of its deep features up to stride 8."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = ResNet18Features()
        self.arm16 = AttentionRefinement(256, 128)
        self.arm32 = AttentionRefinement(512, 128)
        self.conv_head32 = ConvBNReLU(128, 128)
        self.conv_head16 = ConvBNReLU(128, 128)
        self.conv_avg = ConvBNReLU(512, 128, kernel=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (n, 3, h, w) to the two features of 128 channels at stride 8."""
        at8, at16, at32 = self.resnet(x)
        deep = self.arm32(at32) + self.conv_avg(_mean(at32))
        deep = self.conv_head32(F.interpolate(deep, at16.shape[2:], mode="nearest"))
        middle = self.arm16(at16) + deep
        return at8, self.conv_head16(F.interpolate(middle, at8.shape[2:], mode="nearest"))


class FeatureFusion(nn.Module):
    """Joins detail and context, weighted per channel (paper, figure 2c)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convblk = ConvBNReLU(channels_in, channels_out, kernel=1)
        self.conv1 = nn.Conv2d(channels_out, channels_out // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(channels_out // 4, channels_out, 1, bias=False)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        """Join two maps of one resolution."""
        features = self.convblk(torch.cat([detail, context], dim=1))
        weight = torch.sigmoid(self.conv2(F.relu(self.conv1(_mean(features)))))
        fused: Tensor = features * weight + features
        return fused


class SegmentationHead(nn.Module):
    """One 3×3 convolution and the classifier of each cell."""

    def __init__(self, channels_in: int, channels_middle: int, classes: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(channels_in, channels_middle)
        self.conv_out = nn.Conv2d(channels_middle, classes, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map features to one score per class and cell."""
        scores: Tensor = self.conv_out(self.conv(x))
        return scores


class BiSeNet(nn.Module):
    """The inference network: the main head alone, without its upsampling.

    Args:
        classes: number of classes.

    Input: float (n, 3, h, w), RGB in [0, 1] normalised by ImageNet's mean and standard deviation; h
    and w are multiples of 32. Output: logits (n, classes, h / 8, w / 8). Cell (i, j) belongs to the
    input pixel (i · (w − 1) / (w / 8 − 1), …): the released network upsamples with
    ``align_corners=True``, so corner cells sit on corner pixels.
    """

    def __init__(self, classes: int = FACE_CLASSES) -> None:
        super().__init__()
        self.cp = ContextPath()
        self.ffm = FeatureFusion(256, 256)
        self.conv_out = SegmentationHead(256, 256, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits at 1/8 resolution."""
        scores: Tensor = self.conv_out(self.ffm(*self.cp(x)))
        return scores


def load_bisenet(path: Path, *, classes: int = FACE_CLASSES) -> BiSeNet:
    """Load released weights, strictly.

    Every parameter and buffer of the inference network must be in the file, and the file may hold
    nothing else but the two auxiliary heads of training (``AUXILIARY_HEADS``), which are checked by
    name and dropped.

    Args:
        path: a state dict (facexlib's ``parsing_bisenet.pth`` has the same layout). Nothing but
            tensors is unpickled.
        classes: number of classes of the file.

    Returns:
        The network in evaluation mode, float32, on the CPU.

    Raises:
        WeightsError: no such file, not a state dict, or a key or a shape that does not fit.
    """
    state = read_tensors(path, "a BiSeNet state dict")
    if not isinstance(state, dict):
        raise WeightsError(f"{path}: expected a BiSeNet state dict, found {type(state).__name__}")
    net = unfilled(lambda: BiSeNet(classes))
    auxiliary = _auxiliary_keys(classes)
    kept = {key: value for key, value in state.items() if key not in auxiliary}
    try:
        net.load_state_dict(kept, strict=True)
    except BROKEN as error:
        raise WeightsError(
            f"{path}: is not a BiSeNet of {classes} classes: {one_line(error)}"
        ) from error
    return net.eval()


def fold_batch_norm(net: nn.Module) -> None:
    """Fold each batch normalisation into the convolution before it, in place.

    The network must be in evaluation mode; it computes the same function up to rounding.
    """
    for module in list(net.modules()):
        children = dict(module.named_children())
        for conv_name, norm_name in _FOLDED_PAIRS:
            conv, norm = children.get(conv_name), children.get(norm_name)
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())


_FOLDED_PAIRS = (
    ("conv", "bn"),
    ("conv1", "bn1"),
    ("conv2", "bn2"),
    ("conv_atten", "bn_atten"),
    ("0", "1"),  # the projected shortcut
)


def _residual_layer(channels_in: int, channels_out: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        ResidualBlock(channels_in, channels_out, stride),
        ResidualBlock(channels_out, channels_out, 1),
    )


def _mean(x: Tensor) -> Tensor:
    return x.mean(dim=(2, 3), keepdim=True)


def _auxiliary_keys(classes: int) -> frozenset[str]:
    head = SegmentationHead(128, 64, classes)
    return frozenset(f"{name}.{key}" for name in AUXILIARY_HEADS for key in head.state_dict())
