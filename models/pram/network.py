"""PRAM: the part relation attention module on a shared, mostly frozen LightCNN-9.

Reference:
    PRAM + CAT paper (NIR-VIS face recognition by part relation attention and a component-adaptive
    triplet loss), section 2.1 and figure 2. Unpublished, and so our choice: the shared layer L2 is
    followed by ReLU (without it the weighted sum would be linear in the parts, no relation at
    all), and α starts at 1/4 for pairs of the face with a part and at 0 for pairs of parts: a
    backbone that was pretrained on whole faces knows nothing of parts yet, and the embedding starts
    as good as its own.
"""

from itertools import combinations
from typing import cast

import torch
from torch import Tensor, nn

from models.backbones.lightcnn import TRUNK_CELLS, LightCNN9, MaxFeatureMap
from models.backbones.lightcnn_top import LAST_GROUP, Related
from models.freezing import freeze

COMPONENTS = ("face", "left_eye", "right_eye", "nose", "mouth")
"""The five inputs, in the order of every tensor that has a component axis."""

PAIRS = tuple(combinations(range(len(COMPONENTS)), 2))
"""The ten relations, in their fixed order."""


class PRAM(nn.Module):
    """Part relation attention: five inputs, one embedding.

    Input convention: grey, float32 (n, 5, 1, 128, 128) in [0, 1], components in the order of
    ``COMPONENTS``.

    Args:
        backbone: a pretrained LightCNN-9; its ``fc1`` starts each component's own layer.
    """

    dimensions = 512
    components = len(COMPONENTS)
    _first: Tensor
    _second: Tensor

    def __init__(self, backbone: LightCNN9) -> None:
        super().__init__()
        self.trunk = backbone.features
        self.own = nn.ModuleList(
            MaxFeatureMap(TRUNK_CELLS, LightCNN9.dimensions) for _ in COMPONENTS
        )
        for layer in self.own:
            layer.load_state_dict(backbone.fc1.state_dict())
        self.relation = nn.Sequential(
            nn.Linear(2 * LightCNN9.dimensions, self.dimensions), nn.ReLU()
        )
        self.alpha = nn.Parameter(torch.tensor([0.0 if first else 0.25 for first, _ in PAIRS]))
        freeze(self.trunk[:LAST_GROUP])
        self.register_buffer("_first", torch.tensor([a for a, _ in PAIRS]), persistent=False)
        self.register_buffer("_second", torch.tensor([b for _, b in PAIRS]), persistent=False)

    @torch.no_grad()
    def normalise(self, vectors: Tensor) -> None:
        """Let each component's own layer return what has mean 0 and deviation 1 on some faces.

        One ``fc1`` serves them all at the start, and returns of a mouth's image vectors that lie
        far from 0, all on one side.

        Args:
            vectors: (n, 5, 256), what it makes of these faces now, n ≥ 2.
        """
        deviation, mean = torch.std_mean(vectors, dim=0)
        for place, own in enumerate(self.own):
            cast(MaxFeatureMap, own).absorb(mean[place], deviation[place].clamp_min(1e-3))

    def forward(self, x: Tensor) -> Related:
        """Relate the components of faces.

        Args:
            x: (n, 5, 1, 128, 128) in [0, 1].
        """
        return self.relate(self.frozen(x))

    @torch.no_grad()
    def frozen(self, x: Tensor) -> Tensor:
        """Run the layers that never train: (n, c, 1, 128, 128) in [0, 1] to (n, c, 128, 16, 16).

        Their output changes with the image alone, so a training may keep it.
        """
        cells: Tensor = self.trunk[:LAST_GROUP](x.flatten(0, 1))
        return cells.reshape(*x.shape[:2], *cells.shape[1:])

    def relate(self, cells: Tensor) -> Related:
        """Go on from ``frozen``'s output (n, 5, 128, 16, 16)."""
        last = self.trunk[LAST_GROUP:](cells.flatten(0, 1)).flatten(1)
        last = last.reshape(*cells.shape[:2], -1)
        vectors = torch.stack([own(last[:, i]) for i, own in enumerate(self.own)], dim=1)
        pairs = torch.cat([vectors[:, self._first], vectors[:, self._second]], dim=2)
        relations = self.relation(pairs)
        return Related((self.alpha[:, None] * relations).sum(dim=1), vectors)


class WholeFace(nn.Module):
    """LightCNN-9 of which the same layers train, on the whole face alone: PRAM's baseline.

    Input convention: that of ``PRAM`` with one component, float32 (n, 1, 1, 128, 128) in [0, 1].

    Args:
        backbone: a pretrained LightCNN-9.

    Reference:
        PRAM + CAT paper, table 1, row "fine-tuned".
    """

    dimensions = LightCNN9.dimensions
    components = 1

    def __init__(self, backbone: LightCNN9) -> None:
        super().__init__()
        self.trunk, self.own = backbone.features, backbone.fc1
        freeze(self.trunk[:LAST_GROUP])

    def forward(self, x: Tensor) -> Related:
        """Embed faces (n, 1 or more, 1, 128, 128), of which the first component counts."""
        return self.relate(self.frozen(x[:, :1]))

    @torch.no_grad()
    def frozen(self, x: Tensor) -> Tensor:
        """Run the layers that never train: (n, 1, 1, 128, 128) to (n, 1, 128, 16, 16)."""
        cells: Tensor = self.trunk[:LAST_GROUP](x[:, 0])
        return cells[:, None]

    def relate(self, cells: Tensor) -> Related:
        """Go on from ``frozen``'s output (n, 1, 128, 16, 16)."""
        vector = self.own(self.trunk[LAST_GROUP:](cells[:, 0]).flatten(1))
        return Related(vector, vector[:, None])
