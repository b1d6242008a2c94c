"""Schema of what the stage ``poses`` puts out."""

import pyarrow as pa

from pipeline.schemas.align import ALIGN
from pipeline.schemas.made import DMFR
from pipeline.store.columns import extend, field, floats, measure

POSES = extend(
    ALIGN,
    [
        *DMFR,
        field("yaw_added_deg", pa.float32(), null=False, unit="degree"),
        field("pitch_added_deg", pa.float32(), null=False, unit="degree"),
        field("source_pose_deg", floats(3), null=False, unit="degree", order="yaw pitch roll"),
        field("measured_pose_deg", floats(3), unit="degree", order="yaw pitch roll"),
        measure(
            "psnr_identity_db",
            pa.float32(),
            "a face that was turned by nothing against its source",
            unit="dB",
            frame="crop, in the face",
        ),
        *(
            measure(
                f"{angle}_error_deg",
                pa.float64(),
                "measured pose minus the source's and what was added",
                unit="degree",
            )
            for angle in ("yaw", "pitch")
        ),
    ],
)
"""A face turned to another pose.

Geometry is in pixels of the source image, as if its camera had seen the turned face;
``measured_pose_deg`` is what the mesh network says of the image that was drawn, of the share of
faces that are measured.
"""
