"""Rows of face stages made by hand, whose errors are known."""

import numpy as np

from pipeline.ops.codec import encode_png
from pipeline.store import REJECTED, ShardFolder, image_columns
from pipeline.store.shards import ShardWriter, shard_of
from pipeline.types import FaceClass

HW = (100, 100)
POINTS = np.array([[40, 40], [60, 40], [50, 50], [42, 60], [58, 60]], np.float32)
BOX = np.array([30, 25, 70, 70], np.float32)
MESH = np.zeros((468, 3), np.float32)
IDENTITY = np.eye(2, 3, dtype=np.float32)
FLAT = encode_png(np.zeros((*HW, 3), np.uint8))
IMAGE = {"bytes": FLAT, "path": "x"}


def make_image(name, *, subject="a", band="VIS", yaw=0.0, known=True, **more):
    ground_truth = {
        "truth_box_xyxy": BOX,
        "truth_landmarks_xy": POINTS,
        "truth_pose_deg": np.array([yaw, 0, 0], np.float32),
    }
    return {
        "sample_id": name,
        "dataset": "d",
        "subject_id": subject,
        "band": band,
        "region": "scene",
        "simulated": True,
        "generator": "procedural",
        "content_sha256": None,
        "fingerprint": "f",
        **image_columns(FLAT, HW, "x"),
        **(ground_truth if known else {}),
        **more,
    }


def face(shift=0.0, box_shift=0.0):
    return {
        "box_xyxy": BOX + np.float32(box_shift),
        "landmarks_xy": POINTS + np.float32((shift, 0)),
        "detected_xy": POINTS,
        "score": 0.9,
        "mesh_xyz": MESH,
        "mesh_presence": 1.0,
        "pose_deg": np.zeros(3, np.float32),
    }


def aligned(name, *, shift=0.0, box_shift=0.0, **more):
    return make_image(name) | {
        "template": "arcface144",
        "warp_2x3": IDENTITY,
        "context": IMAGE,
        "context_warp_2x3": IDENTITY,
        "face_index": 0,
        "face_count": 1,
        "outside_fraction": 0.0,
        "parse_backend": "parser",
        **face(shift, box_shift),
        **more,
    }


def folder(path, schema, rows, rejected=(), count=1):
    made = ShardFolder(path, count)
    for part, kind, content in ((made, schema, rows), (made.rejected, REJECTED, rejected)):
        for index in range(count):
            with ShardWriter(part.shard(index).path, kind) as writer:
                known = [
                    {k: v for k, v in row.items() if k in kind.names}
                    for row in content
                    if shard_of(row["sample_id"], count) == index
                ]
                writer.write(sorted(known, key=lambda row: row["sample_id"]))
    return made


def image_without_ground_truth():
    keys = ("truth_box_xyxy", "truth_landmarks_xy", "truth_pose_deg")
    return aligned("3") | dict.fromkeys(keys)


def label_maps():
    """Known: a nose of 10 × 10 and both eyes; parsed: the nose half as wide, one eye."""
    known = np.zeros(HW, np.uint8)
    known[45:55, 45:55] = FaceClass.NOSE
    known[38:42, 36:44], known[38:42, 56:64] = FaceClass.RIGHT_EYE, FaceClass.LEFT_EYE
    parsed = known.copy()
    parsed[:, 50:55][parsed[:, 50:55] == FaceClass.NOSE] = 0
    parsed[parsed == FaceClass.LEFT_EYE] = 0
    return {"bytes": encode_png(known), "path": "k"}, {"bytes": encode_png(parsed), "path": "p"}
