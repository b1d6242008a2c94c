"""Schema of what the stage ``label_bodies`` puts out."""

import pyarrow as pa

from pipeline.schemas.detect_bodies import BODY, bodies_of
from pipeline.schemas.ingest import INGEST
from pipeline.store.columns import extend, field, floats, measure

LABEL = [
    field("track_id", pa.int32(), unique="within media_id"),
    field("outcome", pa.string(), null=False, values="pipeline.bodies.LabelOutcome"),
    field("subject_id", pa.string()),
    field("face_xyxy", floats(4), unit="px", frame="source"),
    field("overlap", pa.float32(), range="0..1"),
]


_OUTCOME = pa.struct(
    [
        field("labelling", pa.string(), null=False, values="chosen, or a measure of overlap"),
        field("outcome", pa.string(), null=False, values="pipeline.bodies.LabelOutcome"),
        field("bodies", pa.int32(), null=False, of="detections of this outcome"),
        field("right", pa.int32(), null=False, of="those with the true subject"),
        field("recalled", pa.int32(), null=False, of="subjects among these"),
    ]
)

LABEL_BODIES = extend(
    INGEST,
    [
        bodies_of([*BODY, *LABEL]),
        measure("annotated_bodies", pa.int32(), "bodies in the ground truth"),
        measure("annotated_faces", pa.int32(), "those whose face is annotated too"),
        measure("found_bodies", pa.int32(), "those that a detection overlaps by an IoU of 0.5"),
        measure(
            "outcomes",
            pa.list_(pa.field("item", _OUTCOME, nullable=False)),
            "what the params' labelling, and that by each measure, made of the detections",
        ),
    ],
)
"""The same with what labelling made of each: nobody is dropped here."""
