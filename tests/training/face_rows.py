"""Rows of faces as ``align``, ``parts``, ``masks`` and ``attributes`` write them, made of noise."""

import numpy as np
import pyarrow as pa

from pipeline.ops.codec import encode_png
from pipeline.ops.templates import ALIGNMENT_TEMPLATES
from pipeline.store import REJECTED, ShardFolder
from pipeline.store.columns import image_columns
from pipeline.store.shards import ShardWriter, shard_of
from pipeline.training.data.sample_set import Part, SampleSet
from pipeline.types import FACE_PARTS, FaceClass

SIDE_PX = 144
PART_PX = 128
_SHAPES = {
    "warp_2x3": (2, 3),
    "context_warp_2x3": (2, 3),
    "dmfr_warp_2x3": (2, 3),
    "source_pose_deg": (3,),
    "box_xyxy": (4,),
    "pose_deg": (3,),
    "landmarks_xy": (5, 2),
    "detected_xy": (5, 2),
    "mesh_xyz": (468, 3),
    "mesh_distance_percent": (4,),
    "part_boxes_xyxy": (4, 4),
    "part_windows_xyxy": (4, 4),
}


def png(pixels):
    return {"bytes": encode_png(np.ascontiguousarray(pixels)), "path": "x.png"}


def face_row(sample_id, subject, band="VIS", split="train", *, missing=(), side=SIDE_PX):
    """A row with everything: each subject has a texture, each image its noise."""
    look = np.random.default_rng(sum(map(ord, subject)) * 7919)
    noise = np.random.default_rng(sum(map(ord, sample_id)))
    texture = np.kron(look.integers(0, 200, (9, 9)), np.ones((16, 16)))[:side, :side]
    face = (texture + noise.integers(0, 40, (side, side))).astype(np.uint8)
    labels = np.full((side, side), FaceClass.SKIN, np.uint8)
    labels[:10] = FaceClass.HAIR
    shown = np.zeros((side, side), np.uint8)
    shown[50:70, 40:60] = 255
    made = {
        "sample_id": sample_id,
        "parent_id": sample_id.split("#")[0],
        "dataset": "mine",
        "subject_id": subject,
        "band": str(band),
        "region": "face",
        "split": split,
        "simulated": False,
        "content_sha256": "00" * 32,
        "fingerprint": "",
        "template": "arcface144",
        "face_index": 0,
        "face_count": 1,
        "outside_fraction": 0.0,
        "score": 1.0,
        "mesh_presence": 1.0,
        "context": png(shown),
        "labels": png(labels),
        "parse_backend": "parser",
        "part_backend": ["parser"] * 4,
        "embedding": look.normal(size=128).astype(np.float32),
    }
    made |= image_columns(png(np.repeat(face[..., None], 3, 2))["bytes"], (side, side), "i.png")
    made |= {name: np.zeros(shape, np.float32) for name, shape in _SHAPES.items()}
    made["warp_2x3"] = np.eye(2, 3, dtype=np.float32)
    made["landmarks_xy"] = np.array(ALIGNMENT_TEMPLATES["arcface144"].landmarks_xy, np.float32)
    for part in FACE_PARTS:
        crop = look.integers(0, 256, (PART_PX, PART_PX), dtype=np.uint8)
        made[part] = None if part in missing else png(crop)
        made[f"{part}_mask"] = None if part in missing else png(shown)
    return made


def write_rows(path, schema, rows, count=2):
    """Write a stage's output; what the schema asks for and rows lack becomes zero or empty."""
    folder = ShardFolder(path, count)
    for index in range(count):
        with ShardWriter(folder.shard(index).path, schema) as shard:
            mine = [row for row in rows if shard_of(row["sample_id"], count) == index]
            filled = [{f.name: row.get(f.name, _empty(f)) for f in schema} for row in mine]
            shard.write(sorted(filled, key=lambda row: row["sample_id"]))
        with ShardWriter(folder.rejected.shard(index).path, REJECTED) as shard:
            shard.write([])
    return folder


def open_rows(path, schema, rows, **options):
    """Write a stage's output, and open all of it as samples."""
    folder = write_rows(path, schema, rows)
    return SampleSet.open([Part(folder, lambda _: True)], budget_bytes=1 << 30, **options)


def _empty(field):
    if field.nullable:
        return None
    if pa.types.is_struct(field.type):
        return png(np.zeros((2, 2), np.uint8))
    if pa.types.is_fixed_size_list(field.type):
        shape, inner = (), field.type
        while pa.types.is_fixed_size_list(inner):
            shape, inner = (*shape, inner.list_size), inner.value_type
        return np.zeros(shape, np.float32)
    if pa.types.is_string(field.type):
        return ""
    return b"" if pa.types.is_binary(field.type) else 0
