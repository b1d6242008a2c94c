"""Relations between places of LightCNN-9's last feature map: what PRAM is measured against.

Both have ``PRAM``'s interface with one component, the embedding, and the same frozen layers.

Reference:
    PRAM + CAT paper, sections 2.1 and 3.3. RM: M. Cho et al., NIR-to-VIS Face Recognition via
    Embedding Relations and Coordinates of the Pairwise Features, ICB 2019: "concatenated the
    feature vectors of the last feature map pair-wisely", and relates where they lie. RGM: M. Cho
    et al., Relational Deep Feature Learning for Heterogeneous Face Recognition, IEEE TIFS 16,
    2021, of which the PRAM paper gives no more than the result. What neither paper of ours says is
    our choice: layer widths, RM's mean over pairs and the form of its coordinates, RGM's softmax
    over edges.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.backbones.lightcnn import LightCNN9
from models.backbones.lightcnn_top import LAST_GROUP, Related
from models.freezing import freeze

CHANNELS = 128
SIDE = 8
PLACES = SIDE * SIDE
"""Vectors of the last feature map."""
REDUCTION = 4
"""How much narrower RGM's node attention is than its nodes are many."""


class PlaceRelations(nn.Module, ABC):
    """LightCNN-9 up to its last feature map, whose places are related.

    Input convention: grey, float32 (n, 1, 1, 128, 128) in [0, 1], as ``WholeFace``.

    Args:
        backbone: a pretrained LightCNN-9; its ``fc1`` is not used.
    """

    dimensions = 512
    components = 1

    def __init__(self, backbone: LightCNN9) -> None:
        super().__init__()
        self.trunk = backbone.features
        freeze(self.trunk[:LAST_GROUP])

    def forward(self, x: Tensor) -> Related:
        """Embed faces (n, 1, 1, 128, 128)."""
        return self.relate(self.frozen(x))

    @torch.no_grad()
    def frozen(self, x: Tensor) -> Tensor:
        """Run the layers that never train: (n, 1, 1, 128, 128) to (n, 1, 128, 16, 16)."""
        cells: Tensor = self.trunk[:LAST_GROUP](x[:, 0])
        return cells[:, None]

    def relate(self, cells: Tensor) -> Related:
        """Go on from ``frozen``'s output (n, 1, 128, 16, 16)."""
        last = self.trunk[LAST_GROUP:](cells[:, 0])
        vector = self.related(last.flatten(2).transpose(1, 2))
        return Related(vector, vector[:, None])

    @abstractmethod
    def related(self, places: Tensor) -> Tensor:
        """Map the vectors of all places (n, 64, 128) to embeddings (n, 512)."""


class RelationModule(PlaceRelations):
    """RM: each pair of places concatenated, one shared layer, the mean of all 2016 pairs.

    A place is its vector and its coordinates. A linear layer of [a; b] is U a + V b, so U and V run
    once a place instead of once a pair.
    """

    coordinates: Tensor
    """(64, 2), row and column in [−1, 1], from corner to corner."""

    def __init__(self, backbone: LightCNN9) -> None:
        super().__init__(backbone)
        self.relation = nn.Linear(2 * (CHANNELS + 2), self.dimensions)
        along = torch.linspace(-1.0, 1.0, SIDE)
        self.register_buffer("coordinates", torch.cartesian_prod(along, along), persistent=False)

    def related(self, places: Tensor) -> Tensor:
        """Map the vectors of all places (n, 64, 128) to embeddings (n, 512)."""
        # by `shape`, not by `len`, which an exported graph would hold as a number
        where = self.coordinates.to(places.dtype).expand(places.shape[0], -1, -1)
        given = torch.cat([places, where], dim=2)
        first, second = self.relation.weight.chunk(2, dim=1)
        ours = F.linear(given, first, self.relation.bias)
        theirs = F.linear(given, second)
        mine, others = torch.triu_indices(PLACES, PLACES, offset=1)
        relations = F.relu(ours[:, mine] + theirs[:, others])
        return relations.mean(dim=1, dtype=torch.float32)


class RelationGraph(PlaceRelations):
    """RGM: places as nodes, learned edges, one propagation, nodes weighed by their attention.

    Edges are e_ij = softmax_j of a shared layer of [x_i; x_j]; nodes become x_i + Σ_j e_ij W x_j.
    The node attention unit squeezes each node to its mean and excites it by two layers.
    """

    def __init__(self, backbone: LightCNN9) -> None:
        super().__init__(backbone)
        self.edge = nn.Linear(2 * CHANNELS, 1)
        self.message = nn.Linear(CHANNELS, CHANNELS)
        self.attention = nn.Sequential(
            nn.Linear(PLACES, PLACES // REDUCTION),
            nn.ReLU(),
            nn.Linear(PLACES // REDUCTION, PLACES),
            nn.Sigmoid(),
        )
        self.embedding = nn.Linear(PLACES * CHANNELS, self.dimensions)

    def related(self, places: Tensor) -> Tensor:
        """Map the vectors of all places (n, 64, 128) to embeddings (n, 512)."""
        nodes = places + self.edges(places) @ self.message(places)
        weighed = nodes * self.attention(nodes.mean(dim=2))[:, :, None]
        embedding: Tensor = self.embedding(weighed.flatten(1))
        return embedding

    def edges(self, places: Tensor) -> Tensor:
        """Return how much each place takes of each: (n, 64, 64), rows of sum 1."""
        mine, theirs = self.edge.weight[0].chunk(2)
        logits = (places @ mine)[:, :, None] + (places @ theirs)[:, None] + self.edge.bias
        return F.leaky_relu(logits).softmax(dim=2)
