"""RM and RGM: PRAM's baselines, on relations of places of the feature map."""

from torch import nn

from models.backbones.lightcnn import LightCNN9
from models.rm_rgm.network import RelationGraph, RelationModule
from pipeline.training.methods.relating import RelatingMethod


class Rm(RelatingMethod):
    """Trains RM: pairs of places."""

    def make_network(self, backbone: LightCNN9) -> nn.Module:
        """Build RM on the backbone."""
        return RelationModule(backbone)


class Rgm(RelatingMethod):
    """Trains RGM: a graph of places."""

    def make_network(self, backbone: LightCNN9) -> nn.Module:
        """Build RGM on the backbone."""
        return RelationGraph(backbone)


METHODS = {"rm": Rm, "rgm": Rgm}
