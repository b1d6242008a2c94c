"""Schema of what the stage ``attributes`` puts out."""

import pyarrow as pa

from pipeline.schemas.align import ALIGN
from pipeline.schemas.made import DMFR
from pipeline.store.columns import extend, field, floats

ATTRIBUTES = extend(
    ALIGN,
    [
        *DMFR,
        field("yaw_deg", pa.float32(), null=False, unit="degree"),
        field("pitch_deg", pa.float32(), null=False, unit="degree"),
        field("roll_deg", pa.float32(), null=False, unit="degree"),
        field(
            "sharpness",
            pa.float32(),
            null=False,
            measure="variance of the Laplacian over that of the grey values",
        ),
        field("illumination", pa.float32(), null=False, range="0..1", measure="mean grey value"),
        field(
            "side_light",
            pa.float32(),
            null=False,
            range="-1..1",
            measure="right half minus left half of the image, over their sum",
        ),
        field("quality", pa.float32(), null=False, measure="SFace feature norm"),
        field("embedding", floats(128), null=False, network="SFace 2021dec", length="quality"),
    ],
    drop=("context", "context_warp_2x3", "truth_labels", "truth_position_map"),
)
"""An aligned face with pose, sharpness, light, quality and embedding, and DMFR's crop.

There is no context crop; DMFR's is cut out of it, as those of synthetic faces are.
"""
