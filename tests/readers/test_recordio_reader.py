"""Reader ``recordio``: InsightFace's files byte for byte, and what is wrong with damaged ones."""

import pickle
import struct
from itertools import chain

import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers import read_dataset
from pipeline.readers.recordio import read_record, unpack
from pipeline.testing.images import image_bytes
from pipeline.testing.recordio import MAGIC, framed


def contents(root):
    params = DatasetParams(reader="recordio", root=str(root), shards=2)
    listing = read_dataset("mine", params)
    return {
        r["sample_id"]: r for i in range(2) for batch in listing.shard(i).batches() for r in batch
    }


@pytest.mark.parametrize("header", [True, False])
def test_each_record_is_its_subjects_image(tmp_path, header):
    testing.recordio(tmp_path, subjects=3, each=2, header=header)
    rows = contents(tmp_path)
    assert len(rows) == 6
    first = 1 if header else 0
    for subject in range(3):
        for number in range(2):
            row = rows[f"{subject:07d}/{first + 2 * subject + number:08d}"]
            assert row["content"] == image_bytes(f"{subject}/{number}", ".jpg")
            assert (row["subject_id"], row["region"]) == (str(subject), "face")


def test_a_file_by_hand(tmp_path):
    """One image with label 7, written here byte by byte from the format's description."""
    data = struct.pack("<IfQQ", 0, 7.0, 0, 0) + b"image"
    file = MAGIC + struct.pack("<I", len(data)) + data + b"\0"
    (tmp_path / "train.rec").write_bytes(file)
    (tmp_path / "train.idx").write_text("0\t0\n")
    (row,) = contents(tmp_path).values()
    assert (row["sample_id"], row["content"]) == ("0000007/00000000", b"image")


@pytest.mark.parametrize(
    "data", [MAGIC, MAGIC + b"tail", b"head" + MAGIC, b"1234" + MAGIC + b"56" + MAGIC + b"789"]
)
def test_a_record_that_holds_the_magic_is_joined_again(data, tmp_path):
    assert read_record(framed(data), 0, tmp_path) == data


def test_labels_of_several_numbers_come_before_the_image():
    labels, image = unpack(struct.pack("<IfQQfff", 3, 0.0, 0, 0, 1.0, 2.0, 3.0) + b"p")
    assert labels.tolist() == [1, 2, 3]
    assert image == b"p"


def test_an_empty_record_is_no_image():
    labels, image = unpack(b"")
    assert (len(labels), image) == (0, b"")


@pytest.mark.parametrize("name", ["train.rec", "train.idx"])
def test_a_missing_file_is_named(tmp_path, name):
    testing.recordio(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ReaderError, match=r"expected train\.rec and train\.idx below .* found"):
        contents(tmp_path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("0\t0\n1\tx\n", "expected lines of a key and an offset"),
        ("0\t0\n1\n", "expected lines of a key and an offset"),
        ("0\t0\n1\t60\n1\t90\n", "key 1 stands twice"),
        ("0\t4\n", "expected a whole record at byte 4, found other data"),
        ("0\t9999999\n", "expected a whole record at byte 9999999"),
        ("0\t0\n1\t36\n", "the index lacks key 7 of subject 0"),
    ],
)
def test_a_faulty_index_is_told(tmp_path, index, message):
    testing.recordio(tmp_path)
    (tmp_path / "train.idx").write_text(index)
    with pytest.raises(ReaderError, match=message):
        contents(tmp_path)


def test_a_shard_is_the_same_in_another_process(tmp_path):
    testing.recordio(tmp_path, subjects=5, each=4)
    params = DatasetParams(reader="recordio", root=str(tmp_path), shards=3)
    listing = read_dataset("mine", params)
    shards = [listing.shard(index) for index in range(3)]
    sent = [pickle.loads(pickle.dumps(shard)) for shard in shards]
    assert [list(shard.batches()) for shard in sent] == [list(s.batches()) for s in shards]
    ids = [[row["sample_id"] for (row,) in shard.batches()] for shard in shards]
    assert all(found == sorted(found) for found in ids)
    assert sorted(chain.from_iterable(ids)) == sorted(listing.rows.sample_ids())
    assert len(listing.rows) == 20


def test_another_number_of_subjects_than_property_says(tmp_path):
    testing.recordio(tmp_path, subjects=3)
    (tmp_path / "property").write_text("85742,112,112")
    with pytest.raises(ReaderError, match=r"expected '3,<height>,<width>'.*found '85742,112,112'"):
        contents(tmp_path)


def test_a_record_damaged_later_is_unreadable_not_fatal(tmp_path):
    testing.recordio(tmp_path)
    params = DatasetParams(reader="recordio", root=str(tmp_path), shards=1)
    listing = read_dataset("mine", params)
    row = min(listing.rows, key=lambda row: int(row["path"]))
    file = tmp_path / "train.rec"
    data = bytearray(file.read_bytes())
    data[int(row["path"])] ^= 255
    file.unlink()  # a new file: the old one may be mapped
    file.write_bytes(data)
    loaded = {r["sample_id"]: r for batch in listing.shard(0).batches() for r in batch}
    assert "found other data" in loaded[row["sample_id"]]["unreadable"]
    assert sum("content" in r for r in loaded.values()) == len(loaded) - 1
