"""Attention-56, which takes square crops."""

from models.backbones.attention import Attention56
from pipeline.training.backbones import Backbone
from pipeline.training.data.preprocess import Preprocess

_RGB = Preprocess(grey=False, hw=None, offset=127.5, divisor=127.5)

BACKBONES = {"attention56": Backbone(Attention56, _RGB)}
