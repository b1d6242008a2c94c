"""Schema of what the stage ``crop_bodies`` puts out."""

import pyarrow as pa

from pipeline.schemas.detect_bodies import BODY
from pipeline.schemas.ingest import INGEST
from pipeline.schemas.label_bodies import LABEL
from pipeline.store.columns import IMAGE, extend, field, floats

CROP_BODIES = extend(
    INGEST,
    [
        *BODY,
        *LABEL[:1],
        field("face_xyxy", floats(4), unit="px", frame="source"),
        field("overlap", pa.float32(), range="0..1"),
        field("body_index", pa.int32(), null=False),
        field("template_id", pa.string(), of="all media of a subject in a band"),
        field("warp_2x3", floats(2, 3), null=False, map="source_to_crop"),
        field("policy", pa.string(), null=False, values="stretch pad context"),
        field("body_region_boxes_xyxy", floats(3, 4), null=False, unit="px", frame="crop"),
        field(
            "body_region_backend",
            pa.list_(pa.string(), 3),
            null=False,
            values="keypoints proportions",
        ),
        field("body_region_labels", IMAGE, null=False, frame="crop", classes="BodyRegion"),
        field("face", IMAGE, of="a square about face_xyxy; null where that is missing or small"),
    ],
)
"""One person: ``image`` is the crop; geometry but the regions stays in pixels of the source image.

BodyRegions are in the order face, torso, lower body.
"""
