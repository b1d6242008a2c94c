"""ResNets of ArcFace and of AdaFace, which take crops of any size."""

from models.backbones.iresnet import IResNet
from pipeline.training.backbones import Backbone
from pipeline.training.data.preprocess import Preprocess

_RGB = Preprocess(grey=False, hw=None, offset=127.5, divisor=127.5)

BACKBONES = {
    "iresnet18": Backbone(IResNet, _RGB, {"depth": 18}, "any"),
    "iresnet50": Backbone(IResNet, _RGB, {"depth": 50}, "any"),
    "iresnet100": Backbone(IResNet, _RGB, {"depth": 100}, "any"),
    "adaface50": Backbone(IResNet, _RGB, {"depth": 50, "adaface": True}, "any"),
    "adaface100": Backbone(IResNet, _RGB, {"depth": 100, "adaface": True}, "any"),
}
