"""Schemas of the body stages' boundaries."""

import pyarrow as pa

from pipeline.store.columns import IMAGE, extend, field, floats
from pipeline.store.schemas import INGEST

_BODY = [
    field("box_xyxy", floats(4), null=False, unit="px", frame="source"),
    field("score", pa.float32(), null=False, range="0..1"),
    field("keypoints_xy", floats(17, 2), unit="px", frame="source", order="COCO"),
    field("keypoint_scores", floats(17), range="0..1", order="COCO"),
]
_LABEL = [
    field("track_id", pa.int32(), unique="within media_id"),
    field("outcome", pa.string(), null=False, values="pipeline.bodies.Outcome"),
    field("subject_id", pa.string()),
    field("face_xyxy", floats(4), unit="px", frame="source"),
    field("overlap", pa.float32(), range="0..1"),
]


def _bodies(fields: list[pa.Field]) -> pa.Field:
    return field(
        "bodies", pa.list_(pa.field("item", pa.struct(fields), nullable=False)), null=False
    )


DETECT_BODIES = extend(INGEST, [_bodies(_BODY)])
"""A picture with every person found in it, best first; the list is empty where nobody was found."""

LABEL_BODIES = extend(INGEST, [_bodies([*_BODY, *_LABEL])])
"""The same with what labelling made of each: nobody is dropped here."""

CROP_BODIES = extend(
    INGEST,
    [
        *_BODY,
        *_LABEL[:1],
        field("face_xyxy", floats(4), unit="px", frame="source"),
        field("overlap", pa.float32(), range="0..1"),
        field("body_index", pa.int32(), null=False),
        field("template_id", pa.string(), of="all media of a subject in a band"),
        field("warp_2x3", floats(2, 3), null=False, map="source_to_crop"),
        field("policy", pa.string(), null=False, values="stretch pad context"),
        field("area_boxes_xyxy", floats(3, 4), null=False, unit="px", frame="crop"),
        field("area_backend", pa.list_(pa.string(), 3), null=False, values="keypoints proportions"),
        field("area_labels", IMAGE, null=False, frame="crop", classes="BodyArea"),
    ],
)
"""One person: ``image`` is the crop; geometry but the areas stays in pixels of the source picture.

Areas are in the order face, torso, lower body.
"""
