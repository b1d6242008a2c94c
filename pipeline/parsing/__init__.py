"""Face parsing: label maps of 19 classes, and the four facial parts cut from them.

The network, ``pipeline.parsing.bisenet``, is imported by its own name: it brings torch, which
whoever only cuts parts does not need.
"""

from pipeline.parsing.hidden import hidden_columns, hide_labels, hide_parts
from pipeline.parsing.locate import PartLocations, locate_parts
from pipeline.parsing.mesh_parts import mesh_labels, mesh_part_boxes, mesh_part_masks
from pipeline.parsing.parts import (
    PARTS,
    centre_distance_percent,
    crop_part,
    part_boxes,
    part_masks,
    part_windows,
)
from pipeline.parsing.sides import settle_left_right

__all__ = [
    "PARTS",
    "PartLocations",
    "centre_distance_percent",
    "crop_part",
    "hidden_columns",
    "hide_labels",
    "hide_parts",
    "locate_parts",
    "mesh_labels",
    "mesh_part_boxes",
    "mesh_part_masks",
    "part_boxes",
    "part_masks",
    "part_windows",
    "settle_left_right",
]
