"""Schema of what the stage ``reconstruct`` puts out."""

import pyarrow as pa

from pipeline.schemas.parts import PARTS
from pipeline.store.columns import extend, field, floats, measure

RECONSTRUCT = extend(
    PARTS,
    [
        field("position_map", pa.binary(), null=False, unit="px", frame="source", code="CBP1"),
        field("reconstruction", pa.string(), null=False, values="mesh prnet truth"),
        field("visible_fraction", floats(2), null=False, order="right left", range="0..1"),
        field("residual_percent", pa.float32(), null=False, unit="% of inter-ocular distance"),
        measure(
            "mesh_nme_percent",
            pa.float64(),
            "mean distance in the image of the 468 points from the true ones",
            unit="% of the true distance of the eyes in space",
        ),
        measure("yaw_error_deg", pa.float64(), "distance from the true yaw", unit="degree"),
    ],
)
"""A face in 3D. ``mesh_xyz`` and ``pose_deg`` are those of its position map."""
