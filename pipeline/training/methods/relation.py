"""RM and RGM: trained by PRAM's learner, on relations of another kind."""

import torch
from torch import nn

from models.backbones.lightcnn import LightCNN9
from models.rm_rgm.network import PlaceRelations, RelationGraph, RelationModule
from pipeline.errors import StageError
from pipeline.params.train import RelationParams

NETWORKS: dict[str, type[PlaceRelations]] = {"pairs": RelationModule, "graph": RelationGraph}


def relation_network(params: RelationParams, backbone: nn.Module) -> PlaceRelations:
    """Build the network on a backbone.

    Raises:
        StageError: the backbone is no LightCNN-9.
    """
    if not isinstance(backbone, LightCNN9):
        raise StageError(
            f"relation {params.relation!r} stands on LightCNN-9, not on "
            f"{type(backbone).__name__}: name a `start` whose backbone is lightcnn9"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        return NETWORKS[params.relation](backbone)
