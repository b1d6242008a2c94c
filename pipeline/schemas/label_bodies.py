"""Schema of what the stage ``label_bodies`` puts out."""

import pyarrow as pa

from pipeline.schemas.detect_bodies import BODY, bodies_of
from pipeline.schemas.ingest import INGEST
from pipeline.store.columns import extend, field, floats

LABEL = [
    field("track_id", pa.int32(), unique="within media_id"),
    field("outcome", pa.string(), null=False, values="pipeline.bodies.LabelOutcome"),
    field("subject_id", pa.string()),
    field("face_xyxy", floats(4), unit="px", frame="source"),
    field("overlap", pa.float32(), range="0..1"),
]


LABEL_BODIES = extend(INGEST, [bodies_of([*BODY, *LABEL])])
"""The same with what labelling made of each: nobody is dropped here."""
