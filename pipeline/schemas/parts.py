"""Schema of what the stage ``parts`` puts out."""

import pyarrow as pa

from pipeline.schemas.parse import PARSE
from pipeline.store.columns import IMAGE, extend, field, floats, measure
from pipeline.types import FACE_PARTS

PARTS = extend(
    PARSE,
    [
        *(
            column
            for part in FACE_PARTS
            for column in (
                field(part, IMAGE, content="crop around the part"),
                field(f"{part}_mask", IMAGE, frame="crop", values="0 255"),
            )
        ),
        field("part_boxes_xyxy", floats(4, 4), null=False, unit="px", frame="crop"),
        field("part_windows_xyxy", floats(4, 4), null=False, unit="px", frame="crop"),
        field("part_backend", pa.list_(pa.string(), 4), null=False, values="parser mesh none"),
        field("mesh_distance_percent", floats(4), null=False, unit="% of inter-ocular distance"),
        *(
            measure(f"box_iou_{part}", pa.float64(), "overlap with the true box", range="0..1")
            for part in FACE_PARTS
        ),
    ],
)
"""A parsed face with its four parts in the order left eye, right eye, nose, mouth."""
