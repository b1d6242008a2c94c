"""A stage's output in small: four subjects, two bands, three splits, and values that bite."""

import numpy as np
import pyarrow.parquet as pq

from pipeline.ops.codec import encode_jpeg, encode_png
from pipeline.schemas.detect import DETECT
from pipeline.store import ShardFolder, image_columns, shard_of
from pipeline.store.columns import REJECTED
from pipeline.store.content import listed_sha256
from pipeline.store.shards import ShardWriter

SHARDS = 3
SIDE = 24
SPLITS = {"anna": "train", "bob/../x": "train", "Čapek, K.": "validation", "dora": "test"}


def make_image(seed, side=SIDE):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def face(seed, yaw):
    random = np.random.default_rng(seed)
    return {
        "box_xyxy": np.array([2.25, 3.0, 20.5, 22.0], np.float32),
        "landmarks_xy": np.array([[6, 8], [16, 8], [11, 13], [7, 18], [15, 18]], np.float32),
        "detected_xy": np.array([[6, 9], [16, 9], [11, 12], [7, 18], [15, 18]], np.float32),
        "score": 0.1 + seed / 100,
        "mesh_xyz": random.normal(size=(468, 3)).astype(np.float32),
        "mesh_presence": 0.5,
        "pose_deg": np.array([yaw, -1.5, 0.1], np.float32),
    }


def align_rows():
    """Twenty-four rows of the stage ``align``."""
    return [_align_row(number) for number in range(24)]


def _align_row(number):
    subject = sorted(SPLITS)[number % 4]
    band = ("VIS", "NIR")[number // 4 % 2]
    image = make_image(number)
    data = encode_png(image) if number % 3 else encode_jpeg(image, 90)
    row = {
        "sample_id": f"{'abc'[number % 3]}/s{number}.{band}"
        + ("#face1" if number % 5 == 0 else ""),
        "dataset": "mine",
        "subject_id": subject,
        "session_id": ["", '"quoted"', "a,b\nc", None][number % 4],
        "band": band,
        "region": "face",
        "split": SPLITS[subject],
        **image_columns(data, image.shape[:2], f"{number}.image"),
        "truth_pose_deg": np.array([np.nan, np.inf, -0.0], np.float32) if number % 2 else None,
        "truth_identity": [0.1, -2.5] if number % 2 else None,
        "truth_position_map": bytes([0, number, 255]) if number % 4 == 0 else None,
        "parent_id": None,
        "generator": "noise" if number % 2 else None,
        "seed": 2**62 + number,
        "simulated": number % 2 == 1,
        "licence": None if number % 7 == 0 else "MIT",
        "template": "arcface112",
        "warp_2x3": np.eye(2, 3, dtype=np.float32) / 3,
        "context": {"bytes": encode_jpeg(make_image(number, 32), 80), "path": None},
        "context_warp_2x3": np.eye(2, 3, dtype=np.float32),
        "face_index": 0,
        "face_count": 1,
        "outside_fraction": 0.0,
        "interocular_px": 10.0,
        **face(number, yaw=float(number * 4 - 48)),
    }
    return finished(row)


def detect_rows():
    """Images with no, one and two faces, one of them beyond the border."""
    rows = []
    for number in range(8):
        row = {name: value for name, value in align_rows()[number].items() if name in DETECT.names}
        faces = [face(number, 10.0), face(number + 1, 5.0)][: number % 3]
        if number == 4:
            faces[0]["box_xyxy"] = np.array([-9.0, -9.0, 8.0, 8.0], np.float32)
            faces[0]["landmarks_xy"][0] = (-5.0, 3.0)
        yaw = float(faces[0]["pose_deg"][0]) if faces else None
        rows.append(finished(row | {"faces": faces, "yaw_deg": yaw}))
    return rows


def finished(row):
    bare = {k: v for k, v in row.items() if k not in ("content_sha256", "fingerprint")}
    return bare | {"content_sha256": None, "fingerprint": listed_sha256(bare)}


def write_folder(path, rows, schema, shards=SHARDS):
    """Write rows as the output of a stage."""
    folder = ShardFolder(path, shards)
    for index in range(shards):
        mine = [row for row in rows if shard_of(row["sample_id"], shards) == index]
        with ShardWriter(folder.shard(index).path, schema) as out:
            out.write(sorted(mine, key=lambda row: row["sample_id"]))
        with ShardWriter(folder.rejected.shard(index).path, REJECTED):
            pass
    return path


def tables(path):
    """The rows of a stage's folder as one Arrow table per shard."""
    folder = ShardFolder.open(path)
    return [pq.read_table(folder.shard(i).path) for i in range(folder.count)]


def contents(folder):
    """All files of a folder and their bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
