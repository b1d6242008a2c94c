"""Rows of a stage made up for these tests: noise as images of any size, some of them missing."""

import numpy as np
import pyarrow as pa

from pipeline.ops.codec import encode_png
from pipeline.schemas.ingest import INGEST
from pipeline.store.columns import IMAGE, extend, field, floats, image_columns
from pipeline.store.shards import ShardFolder, ShardWriter, shard_of

STAGE = extend(
    INGEST,
    [
        field("body_region_labels", IMAGE),
        field("nose", IMAGE),
        field("embedding", floats(3)),
        field("grid_xy", floats(2, 2)),
        field("yaw_deg", pa.float32()),
        field("codes", pa.list_(pa.string())),
    ],
)


def noise(name, shape):
    """Pixels that a name and a shape decide."""
    seed = np.random.default_rng([sum(map(ord, name)), len(name), *shape])
    return seed.integers(0, 256, shape, dtype=np.uint8)


def sample_row(sample_id, subject="s0", band="VIS", *, hw=(6, 4), grey=False, nose=True, **more):
    """One row; ``nose`` is of half the size."""
    pixels = noise(sample_id, hw if grey else (*hw, 3))
    labels = noise(sample_id + "labels", hw) % 4
    part = noise(sample_id + "nose", (hw[0] // 2, hw[1] // 2))
    return (
        {
            "sample_id": sample_id,
            "dataset": "mine",
            "subject_id": subject,
            "band": str(band),
            "region": "body",
            "split": "train",
            "simulated": False,
            "content_sha256": sample_id.encode().hex(),
            "fingerprint": "",
            "body_region_labels": {"bytes": encode_png(labels), "path": "a.png"},
            "nose": {"bytes": encode_png(part), "path": "n.png"} if nose else None,
            "embedding": np.arange(3, dtype=np.float32) + len(sample_id),
            "grid_xy": np.ones((2, 2), np.float32),
            "yaw_deg": 1.5,
            "codes": ["a", "b"],
        }
        | image_columns(encode_png(pixels), hw, "i.png")
        | more
    )


def write_stage(path, rows, *, count=2, schema=STAGE):
    """Write rows as a stage does."""
    folder = ShardFolder(path, count)
    for index in range(count):
        mine = [row for row in rows if shard_of(row["sample_id"], count) == index]
        with ShardWriter(folder.shard(index).path, schema) as shard:
            shard.write(
                {name: row.get(name) for name in schema.names}
                for row in sorted(mine, key=lambda row: row["sample_id"])
            )
    return folder
