"""Schema of what the stage ``parse`` puts out."""

import pyarrow as pa

from pipeline.schemas.align import ALIGN
from pipeline.store.columns import IMAGE, extend, field

PARSE = extend(
    ALIGN,
    [
        field("labels", IMAGE, null=False, frame="crop", classes="FaceClass"),
        field("parse_backend", pa.string(), null=False, values="parser mesh"),
    ],
)
"""An aligned face with its label map (8-bit PNG of class indices) in the crop's frame."""
