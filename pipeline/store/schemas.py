"""One pyarrow schema per stage boundary, each extending the one before.

Conventions of every column: pixels of the row's own source picture with pixel centres at integers,
points as (x, y), boxes as (x0, y0, x1, y1), matrices named source_to_target; left and right are the
subject's. ``unit`` and ``frame`` stand in the field's metadata. An image is the struct
``{bytes, path}`` that Hugging Face ``datasets`` reads as its Image feature; its bytes decode to an
upright 8-bit grey or RGB picture.
"""

import pyarrow as pa

from pipeline.store.columns import IMAGE, extend, field, floats

VERSION = "1"
"""Rises when the meaning of a column changes: older shards are then computed anew."""

_IDENTITY = [
    field("sample_id", pa.string(), null=False),
    field("dataset", pa.string(), null=False),
    field("subject_id", pa.string()),
    field("session_id", pa.string()),
    field("camera_id", pa.string()),
    field("media_id", pa.string()),
    field("frame_index", pa.int32()),
]
_CONTENT = [
    field("band", pa.string(), null=False, values="VIS NIR SWIR MWIR LWIR"),
    field("region", pa.string(), null=False, values="scene face body"),
    field("split", pa.string(), values="train validation test"),
    field("view", pa.string(), values="front left right back"),
    field("expression", pa.string()),
    field("framing", pa.string(), values="head body"),
]
_PERSON = pa.struct(
    [
        field("subject_id", pa.string()),
        field("split", pa.string(), values="train validation test"),
        field("face_xyxy", floats(4), unit="px", frame="source"),
        field("body_xyxy", floats(4), unit="px", frame="source"),
    ]
)
_IMAGE = [
    field("image", IMAGE, null=False),
    field("sha256", pa.string(), null=False, of="image.bytes"),
    field("width_px", pa.int32(), null=False, unit="px"),
    field("height_px", pa.int32(), null=False, unit="px"),
]
_TRUTH = [
    field("truth_box_xyxy", floats(4), unit="px", frame="source"),
    field("truth_landmarks_xy", floats(5, 2), unit="px", frame="source"),
    field("truth_body_xyxy", floats(4), unit="px", frame="source"),
    field("truth_mesh_xyz", floats(468, 3), unit="px", frame="source"),
    field("truth_pose_deg", floats(3), unit="degree", order="yaw pitch roll"),
    field("truth_labels", IMAGE, frame="source", classes="FaceClass"),
    field("truth_position_map", pa.binary(), unit="px", frame="source"),
    field("truth_visibility", floats(468), range="0..1"),
    field("truth_identity", pa.list_(pa.float32())),
    field("truth_people", pa.list_(pa.field("item", _PERSON, nullable=False))),
]
_PROVENANCE = [
    field("parent_id", pa.string()),
    field("generator", pa.string()),
    field("seed", pa.int64()),
    field("simulated", pa.bool_(), null=False),
    field("licence", pa.string()),
    field("content_sha256", pa.string(), null=False, of="all other columns but fingerprint"),
    field("fingerprint", pa.string(), null=False),
]
_FACE = pa.struct(
    [
        field("box_xyxy", floats(4), null=False, unit="px", frame="source"),
        field("landmarks_xy", floats(5, 2), null=False, unit="px", frame="source"),
        field("detected_xy", floats(5, 2), null=False, unit="px", frame="source"),
        field("score", pa.float32(), null=False, range="0..1"),
        field("mesh_xyz", floats(468, 3), null=False, unit="px", frame="source"),
        field("mesh_presence", pa.float32(), null=False, range="0..1"),
        field("pose_deg", floats(3), null=False, unit="degree", order="yaw pitch roll"),
    ]
)

PICTURES = pa.schema(
    [*_IDENTITY, *_CONTENT, *_IMAGE, *_TRUTH, *_PROVENANCE], metadata={"version": VERSION}
)
"""A picture with who, what and where from: what a sample source makes and ``ingest`` puts out.

``truth_*`` is what is known of the one face it shows, null where nothing is; ``truth_people`` are
all people of a scene, as far as the data set annotates them; a scene's own ``split`` is null where
theirs differ.
"""

INGEST = PICTURES

DETECT = extend(INGEST, [field("faces", pa.list_(pa.field("item", _FACE, nullable=False)))])
"""A picture with every face found in it, best first.

``landmarks_xy`` are the five points that faces are aligned by, ``detected_xy`` the detector's.
"""

ALIGN = extend(
    INGEST,
    [
        field("template", pa.string(), null=False),
        field("warp_2x3", floats(2, 3), null=False, map="source_to_crop"),
        field("loose", IMAGE, null=False, template="facexlib512"),
        field("loose_warp_2x3", floats(2, 3), null=False, map="source_to_loose"),
        field("face_index", pa.int32(), null=False),
        field("face_count", pa.int32(), null=False),
        field("outside_fraction", pa.float32(), null=False, range="0..1"),
        *_FACE,
    ],
)
"""A face: ``image`` is the aligned crop; geometry stays in pixels of the source picture."""

PARSE = extend(
    ALIGN,
    [
        field("labels", IMAGE, null=False, frame="crop", classes="FaceClass"),
        field("parse_backend", pa.string(), null=False, values="parser mesh"),
    ],
)
"""An aligned face with its label map (8-bit PNG of class indices) in the crop's frame."""

PARTS = extend(
    PARSE,
    [
        *(
            column
            for part in ("left_eye", "right_eye", "nose", "mouth")
            for column in (
                field(part, IMAGE, content="crop around the part"),
                field(f"{part}_mask", IMAGE, frame="crop", values="0 255"),
            )
        ),
        field("part_boxes_xyxy", floats(4, 4), null=False, unit="px", frame="crop"),
        field("part_windows_xyxy", floats(4, 4), null=False, unit="px", frame="crop"),
        field("part_backend", pa.list_(pa.string(), 4), null=False, values="parser mesh none"),
        field("mesh_distance_percent", floats(4), null=False, unit="% of inter-ocular distance"),
    ],
)
"""A parsed face with its four parts in the order left eye, right eye, nose, mouth."""

REJECTED = pa.schema(
    [
        *_IDENTITY,
        *_CONTENT,
        field("reason", pa.string(), null=False),
        field("detail", pa.string(), null=False),
        field("fingerprint", pa.string(), null=False),
    ],
    metadata={"version": VERSION},
)
"""A sample that left the pipeline, and why."""
