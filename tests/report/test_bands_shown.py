"""A sheet shows each band of a person, also where images of two bands have no name in common."""

import numpy as np
import pytest

from pipeline.ops.codec import encode_png
from pipeline.report.chosen_rows import pick_rows
from pipeline.schemas.sample import IMAGES
from pipeline.store import ShardFolder, image_columns
from pipeline.store.shards import ShardWriter


@pytest.mark.parametrize(
    ("images", "shown"),
    [
        # No name is one of two bands: each band has its own images, those of VIS all of them.
        ("VIS/a VIS/b NIR/c LWIR/d", "VIS/a NIR/c LWIR/d VIS/b"),
        ("VIS/a VIS/b VIS/c VIS/d VIS/e LWIR/z", "VIS/a LWIR/z VIS/c VIS/e"),
        # One shot is of VIS and NIR, and VIS/x is of none: LWIR, which no shot has, is there.
        ("VIS/a NIR/a VIS/x LWIR/heat1 LWIR/heat2", "VIS/a NIR/a LWIR/heat1 LWIR/heat2"),
    ],
)
def test_a_band_whose_images_have_names_of_their_own_is_shown(tmp_path, images, shown):
    example = {
        "dataset": "d",
        "subject_id": "a",
        "region": "scene",
        "simulated": False,
        "content_sha256": None,
        "fingerprint": "f",
        **image_columns(encode_png(np.zeros((20, 30), np.uint8)), (20, 30), "x"),
    }
    rows = [
        example | {"sample_id": f"a/{n}.png", "band": n[: n.index("/")]} for n in images.split()
    ]
    named = ShardFolder(tmp_path / "named", 1)
    with ShardWriter(named.shard(0).path, IMAGES) as writer:
        writer.write(sorted(rows, key=lambda row: row["sample_id"]))
    ids = [row["sample_id"] for row in pick_rows(named, per_subject=3)]
    assert ids == [f"a/{name}.png" for name in shown.split()]
