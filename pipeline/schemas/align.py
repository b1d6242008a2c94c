"""Schema of what the stage ``align`` puts out."""

import pyarrow as pa

from pipeline.schemas.detect import FACE
from pipeline.schemas.ingest import INGEST
from pipeline.store.columns import IMAGE, extend, field, floats, measure

ALIGN = extend(
    INGEST,
    [
        field("source_hw", pa.list_(pa.int32(), 2), unit="px", order="height width"),
        field("template", pa.string(), null=False),
        field("warp_2x3", floats(2, 3), null=False, map="source_to_crop"),
        field("context", IMAGE, null=False, template="facexlib512"),
        field("context_warp_2x3", floats(2, 3), null=False, map="source_to_context"),
        field("face_index", pa.int32(), null=False),
        field("face_count", pa.int32(), null=False),
        field("outside_fraction", pa.float32(), null=False, range="0..1"),
        *FACE,
        measure("interocular_px", pa.float64(), "distance of the eye points", unit="px"),
        measure("wrong_face", pa.bool_(), "the box overlaps the true one by an IoU below 0.5"),
        measure(
            "nme_percent",
            pa.float64(),
            "mean distance of the right face's five landmarks from the true ones",
            unit="% of the true inter-ocular distance",
        ),
    ],
)
"""A face: ``image`` is the aligned crop; geometry stays in pixels of the source image."""
