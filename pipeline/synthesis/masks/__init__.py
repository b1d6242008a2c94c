"""Mask synthesis: a mask's texture map T_M, laid over a face in 3D.

Reference:
    HSST, section II-B and equation 4.
"""

from pipeline.synthesis.masks.apply import (
    COVERAGE_PARTS,
    MaskedCrop,
    carry_layer,
    coverage,
    encode_layer,
    intersection_over_union,
    lay_over,
    mask_crop,
)
from pipeline.synthesis.masks.drawn import DRAWN, drawn_template
from pipeline.synthesis.masks.files import (
    load_template,
    read_template,
    template_faults,
    write_template,
)
from pipeline.synthesis.masks.render import MaskLayer, composite, draw_mask
from pipeline.synthesis.masks.rows import FaceToMask, MaskedFace
from pipeline.synthesis.masks.template import MaskTemplate
from pipeline.synthesis.masks.wear import WEARS, Placement, choose_wear, place

__all__ = [
    "COVERAGE_PARTS",
    "DRAWN",
    "FaceToMask",
    "MaskLayer",
    "MaskTemplate",
    "MaskedCrop",
    "MaskedFace",
    "Placement",
    "WEARS",
    "carry_layer",
    "choose_wear",
    "composite",
    "coverage",
    "draw_mask",
    "drawn_template",
    "encode_layer",
    "intersection_over_union",
    "lay_over",
    "load_template",
    "mask_crop",
    "place",
    "read_template",
    "template_faults",
    "write_template",
]
