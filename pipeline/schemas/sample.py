"""Schema of what the stage ``sample`` makes: images with who, what and where from."""

import pyarrow as pa

from pipeline.store.columns import CONTENT, IDENTITY, IMAGE, VERSION, field, floats

_IMAGE = [
    field("image", IMAGE, null=False),
    field("sha256", pa.string(), null=False, of="image.bytes"),
    field("width_px", pa.int32(), null=False, unit="px"),
    field("height_px", pa.int32(), null=False, unit="px"),
]


_PERSON = pa.struct(
    [
        field("subject_id", pa.string()),
        field("split", pa.string(), values="train validation test"),
        field("face_xyxy", floats(4), unit="px", frame="source"),
        field("body_xyxy", floats(4), unit="px", frame="source"),
    ]
)


_GROUND_TRUTH = [
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
    field(
        "content_sha256",
        pa.string(),
        null=False,
        of="all other columns but fingerprint and measures, where not null",
    ),
    field("fingerprint", pa.string(), null=False),
]


IMAGES = pa.schema(
    [*IDENTITY, *CONTENT, *_IMAGE, *_GROUND_TRUTH, *_PROVENANCE],
    metadata={"version": VERSION},
)
"""An image with who, what and where from: what a sample source makes and ``ingest`` puts out.

``truth_*`` is what is known of the one face it shows, null where nothing is; ``truth_people`` are
all people of a scene, as far as the data set annotates them; a scene's own ``split`` is null where
theirs differ.
"""
