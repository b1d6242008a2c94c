"""LightCNN-9 of which only the last group trains, and what networks on top of it return."""

from dataclasses import dataclass

from torch import Tensor

LAST_GROUP = 7
"""Index in ``LightCNN9.features`` of its last group: layers 8 and 9, the only ones to train."""


@dataclass(frozen=True)
class Related:
    """What a network of relations makes of a batch.

    Attributes:
        embedding: (n, d), what is compared at test.
        components: (n, c, e), representative vector of each component, which a triplet loss
            compares.
    """

    embedding: Tensor
    components: Tensor
