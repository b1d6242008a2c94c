"""Schema of what the stage ``detect_bodies`` puts out."""

import pyarrow as pa

from pipeline.schemas.ingest import INGEST
from pipeline.store.columns import extend, field, floats, measure

BODY = [
    field("box_xyxy", floats(4), null=False, unit="px", frame="source"),
    field("score", pa.float32(), null=False, range="0..1"),
    field("keypoints_xy", floats(17, 2), unit="px", frame="source", order="COCO"),
    field("keypoint_scores", floats(17), range="0..1", order="COCO"),
]


def bodies_of(fields: list[pa.Field]) -> pa.Field:
    """Return the column of all bodies in an image, of these fields each."""
    return field(
        "bodies", pa.list_(pa.field("item", pa.struct(fields), nullable=False)), null=False
    )


DETECT_BODIES = extend(
    INGEST,
    [
        bodies_of(BODY),
        measure("people", pa.int32(), "bodies found"),
        measure("annotated_bodies", pa.int32(), "bodies in the ground truth"),
        measure("found_bodies", pa.int32(), "those that a detection overlaps by an IoU of 0.5"),
    ],
)
"""An image with every person found in it, best first; the list is empty where nobody was found."""
