"""Schemas of faces that a program made of other faces."""

import pyarrow as pa

from pipeline.store.columns import IMAGE, extend, field, floats
from pipeline.store.schemas import ALIGN

_DMFR = [
    field("dmfr", IMAGE, null=False, template="dmfr137x169"),
    field("dmfr_warp_2x3", floats(2, 3), null=False, map="source_to_dmfr"),
]

POSES = extend(
    ALIGN,
    [
        *_DMFR,
        field("yaw_added_deg", pa.float32(), null=False, unit="degree"),
        field("pitch_added_deg", pa.float32(), null=False, unit="degree"),
        field("source_pose_deg", floats(3), null=False, unit="degree", order="yaw pitch roll"),
        field("measured_pose_deg", floats(3), unit="degree", order="yaw pitch roll"),
        field("psnr_identity_db", pa.float32(), unit="dB", frame="crop, in the face"),
    ],
)
"""A face turned to another pose.

Geometry is in pixels of the source picture, as if its camera had seen the turned face;
``measured_pose_deg`` is what the mesh network says of the picture that was drawn, of the share of
faces that are measured.
"""

DEGRADE = extend(
    ALIGN,
    [
        *_DMFR,
        field("turbulence_px", pa.float32(), unit="px of the degraded frame"),
        field("turbulence_scale_px", pa.float32(), unit="px of the degraded frame"),
        field("defocus_px", pa.float32(), unit="px of the degraded frame"),
        field("motion_px", pa.float32(), unit="px of the degraded frame"),
        field("motion_deg", pa.float32(), unit="degree clockwise from the right"),
        field("downscale", pa.float32(), unit="px per sensor px"),
        field("shot_noise", pa.float32(), unit="full scale"),
        field("read_noise", pa.float32(), unit="full scale"),
        field("jpeg_quality", pa.float32(), range="1..100"),
        field("sharpness_before", pa.float32(), null=False, frame="degraded frame"),
        field("sharpness_after", pa.float32(), null=False, frame="degraded frame"),
    ],
)
"""A face of lower quality; what the photometric chain did is null where a network did it."""
