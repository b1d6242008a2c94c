"""LightCNNs, which take the middle of a grey crop."""

from models.backbones.lightcnn import LightCNN9, LightCNN29v2
from pipeline.training.backbones import Backbone
from pipeline.training.data.preprocess import Preprocess

_GREY_128 = Preprocess(grey=True, hw=(128, 128), offset=0.0, divisor=255.0)

BACKBONES = {
    "lightcnn9": Backbone(LightCNN9, _GREY_128, shape="fixed"),
    "lightcnn29v2": Backbone(LightCNN29v2, _GREY_128, shape="fixed"),
}
