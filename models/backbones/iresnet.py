"""IR-18, IR-50 and IR-100: the improved residual networks of ArcFace.

Input convention: RGB, float32 (n, 3, h, w), (value − 127.5) / 127.5. Module names are those
of the checkpoints in public zoos (TreB1eN/InsightFace_Pytorch, ZhaoJ9014/face.evoLVe), and of
AdaFace's (mk-minchul/AdaFace), whose units have one norm more.

Reference:
    J. Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, CVPR 2019,
    section 3.1 (embedding setting E, improved residual unit).
"""

from torch import Tensor, nn

STAGES = {18: (2, 2, 2, 2), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
"""Units per stage by the depth that names the network."""


class ImprovedResidualUnit(nn.Module):
    """BN, 3×3, PReLU, 3×3 with the stride, BN, beside a shortcut.

    Args:
        inputs: channels.
        outputs: channels.
        stride: of the second convolution.
        middle_norm: one more BN before the PReLU.
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int, *, middle_norm: bool = False
    ) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module = (
            nn.MaxPool2d(1, stride)
            if inputs == outputs
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            *([nn.BatchNorm2d(outputs)] if middle_norm else []),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in, h, w) to (n, out, h / stride, w / stride)."""
        y: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return y


class IResNet(nn.Module):
    """An improved residual network.

    Args:
        depth: 18, 50 or 100.
        side_px: side of a square input, a multiple of 16.
        dimensions: of the embedding.
        hw: height and width of any other input; each stage halves them, rounded up.
        adaface: the network of AdaFace's files: a BN more in each unit. They were trained on BGR
            and without weights in the last BN; ``load_backbone`` turns them round.
    """

    channels = 3
    map_channels = 512

    def __init__(
        self,
        depth: int = 50,
        side_px: int = 112,
        dimensions: int = 512,
        hw: tuple[int, int] | None = None,
        adaface: bool = False,
    ) -> None:
        super().__init__()
        if depth not in STAGES:
            raise ValueError(f"depth: expected one of {sorted(STAGES)}, got {depth}")
        if hw is None and side_px % 16:
            raise ValueError(f"side_px: expected a multiple of 16, got {side_px}")
        self.side_px = side_px
        self.dimensions, self.adaface = dimensions, adaface
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        widths = [64, 64, 128, 256, 512]
        self.body = nn.Sequential(
            *(
                ImprovedResidualUnit(
                    widths[stage + (unit > 0)],
                    widths[stage + 1],
                    2 if unit == 0 else 1,
                    middle_norm=adaface,
                )
                for stage, units in enumerate(STAGES[depth])
                for unit in range(units)
            )
        )
        height, width = hw or (side_px, side_px)
        self.map_hw = -(-height // 16), -(-width // 16)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(0.4),
            nn.Flatten(),
            nn.Linear(512 * self.map_hw[0] * self.map_hw[1], dimensions),
            nn.BatchNorm1d(dimensions),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, 3, h, w) to features (n, dimensions)."""
        return self.from_map(self.feature_map(x))

    def feature_map(self, x: Tensor) -> Tensor:
        """Map images (n, 3, h, w) to the last convolution's (n, 512, h / 16, w / 16)."""
        y: Tensor = self.body(self.input_layer(x))
        return y

    @property
    def last_layer(self) -> nn.Module:
        """What ``from_map`` passes the feature map through."""
        return self.output_layer

    def from_map(self, feature_map: Tensor) -> Tensor:
        """Map what ``feature_map`` returned to features (n, dimensions)."""
        y: Tensor = self.output_layer(feature_map)
        return y
