"""MobileFaceNet, which takes square crops."""

from models.backbones.mobilefacenet import MobileFaceNet
from pipeline.training.backbones import Backbone
from pipeline.training.data.preprocess import Preprocess

BACKBONES = {"mobilefacenet": Backbone(MobileFaceNet, Preprocess(False, None, 127.5, 128.0))}
