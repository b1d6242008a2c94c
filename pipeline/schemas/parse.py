"""Schema of what the stage ``parse`` puts out."""

import pyarrow as pa

from pipeline.schemas.align import ALIGN
from pipeline.store.columns import IMAGE, extend, field, measure

PARSE = extend(
    ALIGN,
    [
        field("labels", IMAGE, null=False, frame="crop", classes="FaceClass"),
        field("parse_backend", pa.string(), null=False, values="parser mesh"),
        measure(
            "face_likeness",
            pa.float64(),
            "the mesh's probability of a face times the share of eyes, nose, mouth that the parser"
            " sees; none where it did not look",
            range="0..1",
        ),
        measure("classes_present", pa.int32(), "bit k is set where class k of FaceClass occurs"),
        *(
            measure(f"iou_{part}", pa.float64(), "overlap with the true labels", range="0..1")
            for part in ("eyes", "nose", "mouth")
        ),
    ],
)
"""An aligned face with its label map (8-bit PNG of class indices) in the crop's frame."""
