"""One pyarrow schema per stage boundary, each extending the one before.

Conventions of every column: pixels of the row's own source picture with pixel centres at integers,
points as (x, y), boxes as (x0, y0, x1, y1), matrices named source_to_target; left and right are the
subject's. ``unit`` and ``frame`` stand in the field's metadata. An image is the struct
``{bytes, path}`` that Hugging Face ``datasets`` reads as its Image feature; its bytes decode to an
upright 8-bit grey or RGB picture.
"""

import hashlib
from typing import Any

import pyarrow as pa

from pipeline.types import Row

VERSION = "1"
"""Rises when the meaning of a column changes: older shards are then computed anew."""

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _floats(*shape: int) -> pa.DataType:
    kind: pa.DataType = pa.float32()
    for length in reversed(shape):
        kind = pa.list_(kind, length)
    return kind


def _field(name: str, kind: pa.DataType, *, null: bool = True, **metadata: str) -> pa.Field:
    return pa.field(name, kind, nullable=null, metadata=metadata or None)


def _extend(base: pa.Schema, fields: list[pa.Field], drop: tuple[str, ...] = ()) -> pa.Schema:
    names = {field.name for field in fields} | set(drop)
    kept = [field for field in base if field.name not in names]
    return pa.schema([*kept, *fields], metadata=base.metadata)


_IDENTITY = [
    _field("sample_id", pa.string(), null=False),
    _field("dataset", pa.string(), null=False),
    _field("subject_id", pa.string()),
    _field("session_id", pa.string()),
    _field("camera_id", pa.string()),
    _field("media_id", pa.string()),
    _field("frame_index", pa.int32()),
]
_CONTENT = [
    _field("band", pa.string(), null=False, values="VIS NIR SWIR MWIR LWIR"),
    _field("region", pa.string(), null=False, values="scene face body"),
    _field("split", pa.string(), values="train validation test"),
    _field("view", pa.string(), values="front left right back"),
    _field("expression", pa.string()),
    _field("framing", pa.string(), values="head body"),
]
_PERSON = pa.struct(
    [
        _field("subject_id", pa.string()),
        _field("face_xyxy", _floats(4), unit="px", frame="source"),
        _field("body_xyxy", _floats(4), unit="px", frame="source"),
    ]
)
_IMAGE = [
    _field("image", IMAGE, null=False),
    _field("sha256", pa.string(), null=False, of="image.bytes"),
    _field("width_px", pa.int32(), null=False, unit="px"),
    _field("height_px", pa.int32(), null=False, unit="px"),
]
_TRUTH = [
    _field("truth_box_xyxy", _floats(4), unit="px", frame="source"),
    _field("truth_landmarks_xy", _floats(5, 2), unit="px", frame="source"),
    _field("truth_body_xyxy", _floats(4), unit="px", frame="source"),
    _field("truth_mesh_xyz", _floats(468, 3), unit="px", frame="source"),
    _field("truth_pose_deg", _floats(3), unit="degree", order="yaw pitch roll"),
    _field("truth_labels", IMAGE, frame="source", classes="FaceClass"),
    _field("truth_position_map", pa.binary(), unit="px", frame="source"),
    _field("truth_visibility", _floats(468), range="0..1"),
    _field("truth_identity", pa.list_(pa.float32())),
    _field("truth_people", pa.list_(pa.field("item", _PERSON, nullable=False))),
]
_PROVENANCE = [
    _field("parent_id", pa.string()),
    _field("generator", pa.string()),
    _field("seed", pa.int64()),
    _field("simulated", pa.bool_(), null=False),
    _field("licence", pa.string()),
    _field("content_sha256", pa.string(), null=False, of="all other columns but fingerprint"),
    _field("fingerprint", pa.string(), null=False),
]
_FACE = pa.struct(
    [
        _field("box_xyxy", _floats(4), null=False, unit="px", frame="source"),
        _field("landmarks_xy", _floats(5, 2), null=False, unit="px", frame="source"),
        _field("score", pa.float32(), null=False, range="0..1"),
        _field("mesh_xyz", _floats(468, 3), null=False, unit="px", frame="source"),
        _field("mesh_presence", pa.float32(), null=False, range="0..1"),
        _field("pose_deg", _floats(3), null=False, unit="degree", order="yaw pitch roll"),
    ]
)

PICTURES = pa.schema(
    [*_IDENTITY, *_CONTENT, *_IMAGE, *_TRUTH, *_PROVENANCE], metadata={"version": VERSION}
)
"""A picture with who, what and where from: what a sample source makes and ``ingest`` puts out.

``truth_*`` is what is known of the one face it shows, null where nothing is; ``truth_people`` are
all people of a scene, as far as the data set annotates them.
"""

INGEST = PICTURES

DETECT = _extend(INGEST, [_field("faces", pa.list_(pa.field("item", _FACE, nullable=False)))])
"""A picture with every face found in it, best first."""

ALIGN = _extend(
    INGEST,
    [
        _field("template", pa.string(), null=False),
        _field("warp_2x3", _floats(2, 3), null=False, map="source_to_crop"),
        _field("loose", IMAGE, null=False, template="facexlib512"),
        _field("loose_warp_2x3", _floats(2, 3), null=False, map="source_to_loose"),
        _field("face_index", pa.int32(), null=False),
        _field("face_count", pa.int32(), null=False),
        _field("outside_fraction", pa.float32(), null=False, range="0..1"),
        *_FACE,
    ],
)
"""A face: ``image`` is the aligned crop; geometry stays in pixels of the source picture."""

PARSE = _extend(ALIGN, [_field("labels", IMAGE, null=False, frame="crop", classes="FaceClass")])
"""An aligned face with its label map (8-bit PNG of class indices) in the crop's frame."""

PARTS = _extend(
    PARSE,
    [
        *(
            field
            for part in ("left_eye", "right_eye", "nose", "mouth")
            for field in (
                _field(part, IMAGE, content="crop around the part"),
                _field(f"{part}_mask", IMAGE, frame="crop", values="0 255"),
            )
        ),
        _field("part_boxes_xyxy", _floats(4, 4), null=False, unit="px", frame="crop"),
        _field("part_windows_xyxy", _floats(4, 4), null=False, unit="px", frame="crop"),
        _field("part_backend", pa.list_(pa.string(), 4), null=False, values="parser mesh none"),
        _field("mesh_distance_percent", _floats(4), null=False, unit="% of inter-ocular distance"),
    ],
)
"""A parsed face with its four parts in the order left eye, right eye, nose, mouth."""

REJECTED = pa.schema(
    [
        *_IDENTITY,
        *_CONTENT,
        _field("reason", pa.string(), null=False),
        _field("detail", pa.string(), null=False),
        _field("fingerprint", pa.string(), null=False),
    ],
    metadata={"version": VERSION},
)
"""A sample that left the pipeline, and why."""


def image_columns(data: bytes, hw: tuple[int, int], name: str) -> Row:
    """Make the image columns of a row.

    Args:
        data: encoded picture.
        hw: its height and width in pixels.
        name: the file name that a person who unpacks the shard would give it.
    """
    columns: dict[str, Any] = {
        "image": {"bytes": data, "path": name},
        "sha256": hashlib.sha256(data).hexdigest(),
        "width_px": hw[1],
        "height_px": hw[0],
    }
    return columns
