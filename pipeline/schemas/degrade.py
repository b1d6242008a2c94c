"""Schema of what the stage ``degrade`` puts out."""

import pyarrow as pa

from pipeline.schemas.align import ALIGN
from pipeline.schemas.made import DMFR
from pipeline.store.columns import extend, field, measure

DEGRADE = extend(
    ALIGN,
    [
        *DMFR,
        field("turbulence_px", pa.float32(), unit="px of the degraded frame"),
        field("turbulence_scale_px", pa.float32(), unit="px of the degraded frame"),
        field("defocus_px", pa.float32(), unit="px of the degraded frame"),
        field("motion_px", pa.float32(), unit="px of the degraded frame"),
        field("motion_deg", pa.float32(), unit="degree clockwise from the right"),
        field("downscale", pa.float32(), unit="px per sensor px"),
        field("shot_noise", pa.float32(), unit="full scale"),
        field("read_noise", pa.float32(), unit="full scale"),
        field("jpeg_quality", pa.float32(), range="1..100"),
        *(
            measure(
                f"sharpness_{when}",
                pa.float32(),
                "share of fine detail, whatever the contrast",
                frame="degraded frame",
            )
            for when in ("before", "after")
        ),
    ],
)
"""A face of lower quality; what the photometric chain did is null where a network did it."""
