"""Schemas of the 3D stages, extending those of the face stages."""

import pyarrow as pa

from pipeline.store.columns import IMAGE, extend, field, floats
from pipeline.store.schemas import PARTS

RECONSTRUCT = extend(
    PARTS,
    [
        field("position_map", pa.binary(), null=False, unit="px", frame="source", code="CBP1"),
        field("reconstruction", pa.string(), null=False, values="mesh prnet truth"),
        field("visible_fraction", floats(2), null=False, order="right left", range="0..1"),
        field("residual_percent", pa.float32(), null=False, unit="% of inter-ocular distance"),
    ],
)
"""A face in 3D. ``mesh_xyz`` and ``pose_deg`` are those of its position map."""

MASKS = extend(
    RECONSTRUCT,
    [
        field("mask_template", pa.string(), null=False),
        field("mask_kind", pa.string(), null=False),
        field("mask_colour", pa.string(), null=False),
        field("mask_wear", pa.string(), null=False, values="proper below_nose chin"),
        field("mask_alpha", IMAGE, null=False, frame="crop", content="share of change, 0 none"),
        field("mask_region", IMAGE, null=False, frame="crop", content="share covered by the mask"),
        field("mask_layer", IMAGE, null=False, frame="loose", content="RGBA, to lay over loose"),
        field("mask_coverage", floats(4), null=False, order="eyes nose mouth skin", range="0..1"),
        field("pixels_changed_outside", pa.int32(), null=False, of="image"),
        field("region_iou", pa.float32(), range="0..1", against="the true geometry's"),
    ],
    drop=("loose",),
)
"""A masked face. ``loose`` is its parent's; ``mask_layer`` laid over that gives it masked."""
