"""Methods that params choose by name, each in a module that is imported when it is asked for.

To add one: its params with a new ``kind`` in the section of its stage, its module here, which maps
kinds to ``Method`` classes in ``METHODS``, and an entry below.
"""

from importlib import import_module
from typing import cast

from pipeline.training.engine.method import Method

METHODS: dict[str, str] = {
    "pram": "pipeline.training.methods.pram",
    "rm": "pipeline.training.methods.rm_rgm",
    "rgm": "pipeline.training.methods.rm_rgm",
    "hsst": "pipeline.training.methods.hsst",
    "idr": "pipeline.training.methods.idr_wcnn",
    "wcnn": "pipeline.training.methods.idr_wcnn",
    "finetune": "pipeline.training.methods.finetune",
    "trivet": "pipeline.training.methods.trivet",
    "cdl": "pipeline.training.methods.cdl",
    "adfl": "pipeline.training.methods.adfl",
    "semantic_vit": "pipeline.training.methods.bodies",
    "deen": "pipeline.training.methods.deen",
    "adaface": "pipeline.training.methods.adaface",
    "plain": "pipeline.training.methods.dmfr_plain",
    "separate": "pipeline.training.methods.dmfr_plain",
    "meta": "pipeline.training.methods.dmfr_meta",
    "disentangle": "pipeline.training.methods.dmfr_disentangle",
    "filter": "pipeline.training.methods.dmfr_filter",
    "dul": "pipeline.training.methods.dmfr_baselines",
    "confidence": "pipeline.training.methods.dmfr_baselines",
    "mixup": "pipeline.training.methods.dmfr_baselines",
    "reversal": "pipeline.training.methods.dmfr_baselines",
}
"""Modules by the ``kind`` of their params."""


def load_method(kind: str) -> type[Method]:
    """Return the class of a method."""
    return cast(type[Method], import_module(METHODS[kind]).METHODS[kind])
