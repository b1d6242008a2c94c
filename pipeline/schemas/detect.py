"""Schema of what the stage ``detect`` puts out."""

import pyarrow as pa

from pipeline.schemas.ingest import INGEST
from pipeline.store.columns import extend, field, floats, measure

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


DETECT = extend(
    INGEST,
    [
        field("faces", pa.list_(pa.field("item", FACE, nullable=False))),
        measure("yaw_deg", pa.float32(), "the first face's pose", unit="degree"),
        measure(
            "mesh_agreement_percent",
            pa.float64(),
            "mean distance of the first face's detected points from its mesh's",
            unit="% of inter-ocular distance",
        ),
        measure("known_face_iou", pa.float64(), "most overlap with the true box", range="0..1"),
        measure(
            "nme_percent",
            pa.float64(),
            "mean distance of the known face's five landmarks from the true ones",
            unit="% of the true inter-ocular distance",
        ),
    ],
)
"""An image with every face found in it, best first.

``landmarks_xy`` are the five landmarks that faces are aligned by, ``detected_xy`` the detector's.
"""
