"""Reader ``shards``: images that a stage made, taken in under ids of their own."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers import read_dataset
from pipeline.schemas.sample import IMAGES
from pipeline.store import ShardFolder, image_columns
from pipeline.store.shards import ShardWriter


def write(folder, ids, more=None, schema=IMAGES):
    shards = ShardFolder(folder, 2)
    for index, part in enumerate((ids[::2], ids[1::2])):
        with ShardWriter(shards.shard(index).path, schema) as writer:
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
                    **(more or {}).get(name, {}),
                }
                for name in sorted(part)
            )


def read(root):
    return read_dataset("sample", DatasetParams(reader="shards", root=str(root), shards=3))


def all_rows(listing):
    return [row for i in range(3) for batch in listing.shard(i).batches() for row in batch]


def test_every_image_of_every_source_is_taken_in(tmp_path):
    write(tmp_path / "openpeople", [f"P1/sheet#{i:03d}" for i in range(70)])
    write(tmp_path / "other", ["Q1/x"])
    listing = read(tmp_path)
    by_id = {row["sample_id"]: row for row in all_rows(listing)}
    assert len(by_id) == 71
    row = by_id["P1/sheet/013"]
    assert row["content"] == b"P1/sheet#013"
    assert (row["parent_id"], row["simulated"], row["licence"]) == ("P1/sheet#013", True, "MIT")
    assert (row["dataset"], row["band"]) == ("sample", "NIR")
    assert not {"image", "sha256", "width_px", "fingerprint", "path"} & row.keys()


def test_a_row_without_an_image_is_refused_with_the_way_out(tmp_path):
    place = IMAGES.get_field_index("image")
    schema = IMAGES.set(place, IMAGES.field(place).with_nullable(True))  # as an import may have it
    write(tmp_path / "other", ["Q1/x", "Q1/y"], {"Q1/y": {"image": None}}, schema)
    with pytest.raises(ReaderError, match=r"row 'Q1/y' has no image: .*the data without"):
        read(tmp_path)


def test_the_ground_truth_comes_along(tmp_path):
    mesh = np.arange(468 * 3, dtype=np.float32).reshape(468, 3)
    labels = {"bytes": b"labels", "path": "l.png"}
    person = {"subject_id": "P1", "split": None, "face_xyxy": np.float32([0, 1, 2, 3])}
    known = {"truth_mesh_xyz": mesh, "truth_labels": labels, "truth_identity": [0.5, 1.0]}
    known |= {"truth_people": [person | {"body_xyxy": None}], "truth_position_map": b"map"}
    write(tmp_path / "a", ["a/1", "a/2"], {"a/2": known})
    write(tmp_path / "b", ["b/1"])
    rows = {row["sample_id"]: row for row in all_rows(read(tmp_path))}
    assert not {name for name in known if name in rows["a/1"]} - {"truth_people"}
    assert not known.keys() & rows["b/1"].keys()
    found = rows["a/2"]
    np.testing.assert_array_equal(found["truth_mesh_xyz"], mesh)
    assert (found["truth_labels"], found["truth_position_map"]) == (labels, b"map")
    assert found["truth_identity"] == [0.5, 1.0]
    assert found["truth_people"][0]["face_xyxy"].tolist() == [0, 1, 2, 3]


def test_what_a_row_will_be_is_known_before_it_is_loaded(tmp_path):
    write(tmp_path / "a", ["a/1", "a/2"])
    listing = read(tmp_path)
    told = [c for i in range(3) for c in listing.shard(i).contents()]
    assert told == [row["content_sha256"] for row in all_rows(listing)]
    assert len(set(told)) == 2  # by their names, as their contents say the same
    other = read_dataset("other", DatasetParams(reader="shards", root=str(tmp_path), shards=3))
    assert not set(told) & {c for i in range(3) for c in other.shard(i).contents()}


def test_a_root_without_shards_is_refused(tmp_path):
    with pytest.raises(ReaderError, match="found none; run the stage that makes them"):
        read(tmp_path)


def test_an_import_of_chosen_columns_is_taken_in(tmp_path):
    """`crossband export --columns` keeps the image, the ids and what was asked for."""
    write(tmp_path / "whole/openpeople", ["P1/a", "P1/b"])
    kept = ["sample_id", "content_sha256", "subject_id", "image", "fingerprint"]
    schema = pa.schema([IMAGES.field(name) for name in IMAGES.names if name in kept])
    rows = ShardFolder(tmp_path / "whole/openpeople", 2).rows(schema.names)
    with ShardWriter(ShardFolder(tmp_path / "few/some", 1).shard(0).path, schema) as out:
        chosen = (row | {"content_sha256": None} for row in rows)
        out.write(sorted(chosen, key=lambda row: row["sample_id"]))
    whole, few = (
        {row["sample_id"]: row for row in all_rows(read(tmp_path / name))}
        for name in ("whole", "few")
    )
    assert few.keys() == whole.keys() == {"P1/a", "P1/b"}
    for name, row in few.items():
        assert row["content"] == whole[name]["content"]
        assert (row["subject_id"], row["band"], row["simulated"]) == ("P1", "VIS", False)


def test_shards_without_images_are_refused(tmp_path):
    with ShardWriter(
        ShardFolder(tmp_path / "some", 1).shard(0).path,
        IMAGES.remove(IMAGES.get_field_index("image")),
    ):
        pass
    with pytest.raises(ReaderError, match="has no column 'image'"):
        read(tmp_path)
