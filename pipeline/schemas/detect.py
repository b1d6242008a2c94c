"""Schema of what the stage ``detect`` puts out."""

import pyarrow as pa

from pipeline.schemas.ingest import INGEST
from pipeline.store.columns import extend, field, floats

FACE = pa.struct(
    [
        field("box_xyxy", floats(4), null=False, unit="px", frame="source"),
        field("landmarks_xy", floats(5, 2), null=False, unit="px", frame="source"),
        field("detected_xy", floats(5, 2), null=False, unit="px", frame="source"),
        field("score", pa.float32(), null=False, range="0..1"),
        field("mesh_xyz", floats(468, 3), null=False, unit="px", frame="source"),
        field("mesh_presence", pa.float32(), null=False, range="0..1"),
        field("pose_deg", floats(3), null=False, unit="degree", order="yaw pitch roll"),
    ]
)


DETECT = extend(INGEST, [field("faces", pa.list_(pa.field("item", FACE, nullable=False)))])
"""An image with every face found in it, best first.

``landmarks_xy`` are the five landmarks that faces are aligned by, ``detected_xy`` the detector's.
"""
