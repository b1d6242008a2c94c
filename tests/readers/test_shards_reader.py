"""Reader ``shards``: images that a stage made, taken in under ids of their own."""

import pytest

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers import read_dataset
from pipeline.schemas.sample import IMAGES
from pipeline.store import ShardFolder, image_columns
from pipeline.store.shards import ShardWriter


def write(folder, ids):
    shards = ShardFolder(folder, 2)
    for index, part in enumerate((ids[::2], ids[1::2])):
        with ShardWriter(shards.shard(index).path, IMAGES) as writer:
            writer.write(
                {
                    "sample_id": name,
                    "dataset": "source",
                    "subject_id": "P1",
                    "band": "NIR",
                    "region": "scene",
                    "simulated": True,
                    "licence": "MIT",
                    "content_sha256": "c",
                    "fingerprint": "f",
                    **image_columns(name.encode(), (2, 3), name),
                }
                for name in sorted(part)
            )


def read(root):
    return read_dataset("sample", DatasetParams(reader="shards", root=str(root), shards=3))


def test_every_image_of_every_source_is_taken_in(tmp_path):
    write(tmp_path / "openpeople", [f"P1/sheet#{i:03d}" for i in range(70)])
    write(tmp_path / "other", ["Q1/x"])
    listing = read(tmp_path)
    loaded = [row for i in range(3) for batch in listing.shard(i).batches() for row in batch]
    by_id = {row["sample_id"]: row for row in loaded}
    assert len(by_id) == 71
    row = by_id["P1/sheet/013"]
    assert row["content"] == b"P1/sheet#013"
    assert (row["parent_id"], row["simulated"], row["licence"]) == ("P1/sheet#013", True, "MIT")
    assert (row["dataset"], row["band"]) == ("sample", "NIR")
    assert not {"image", "sha256", "width_px", "fingerprint", "path"} & row.keys()


def test_a_root_without_shards_is_refused(tmp_path):
    with pytest.raises(ReaderError, match="found none; run the stage that makes them"):
        read(tmp_path)
