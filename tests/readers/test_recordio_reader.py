"""Reader ``recordio``: InsightFace's files byte for byte, and what is wrong with damaged ones."""

import pickle
import struct
from itertools import chain

import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers import read_dataset, recordio
from pipeline.readers.recordio import read_index, read_record, unpack
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


@pytest.mark.parametrize("label", [2.5, -1.0, float("nan"), float("inf")])
def test_a_label_that_is_no_whole_number_is_no_subject(tmp_path, label):
    data = struct.pack("<IfQQ", 0, label, 0, 0) + b"image"
    (tmp_path / "train.rec").write_bytes(MAGIC + struct.pack("<I", len(data)) + data + b"\0")
    (tmp_path / "train.idx").write_text("0\t0\n")
    with pytest.raises(ReaderError, match=r"key 0: label .* is not a subject"):
        contents(tmp_path)


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
        ("0\t0\n1\t60\n1\t90\n", "key 1 occurs twice"),
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


def write_records(root, records):
    """Write records by key, as they come; returns where each lies."""
    places, data = {}, b""
    for key, record in records:
        places[key] = len(data)
        data += framed(record)
    (root / "train.rec").write_bytes(data)
    (root / "train.idx").write_text("".join(f"{k}\t{at}\n" for k, at in places.items()))


def labelled(key, *labels, image=b""):
    """Pack a record by hand: one label in the header, several behind it."""
    count = len(labels) if len(labels) > 1 else 0
    head = struct.pack("<IfQQ", count, 0.0 if count else labels[0], key, 0)
    return head + (struct.pack(f"<{count}f", *labels) if count else b"") + image


def gap(label):
    """Keys 1 … 3 are images of two subjects, but no subject has key 3."""
    return [
        (0, labelled(0, 4, 6)),
        (1, labelled(1, 0, image=b"a")),
        (2, labelled(2, 1, image=b"b")),
        (3, labelled(3, label, image=b"c")),
        (4, labelled(4, 1, 2)),
        (5, labelled(5, 2, 3)),
    ]


def test_an_image_that_no_subject_has_is_its_own_labels(tmp_path, caplog):
    write_records(tmp_path, gap(1))
    with caplog.at_level("WARNING"):
        found = {key: row["content"] for key, row in contents(tmp_path).items()}
    assert found == {"0000000/00000001": b"a", "0000001/00000002": b"b", "0000001/00000003": b"c"}
    assert "1 images have keys that belong to no subject, among them 'key 3'" in caplog.text


def test_beyond_exact_keys_an_images_own_label_counts(tmp_path, caplog, monkeypatch):
    """As of Glint360K's 17 million images: bounds of subjects are rounded from 2^24 on."""
    monkeypatch.setattr(recordio, "_EXACT_KEYS", 3)
    rounded = [
        (0, labelled(0, 6, 8)),
        *((key, labelled(key, own, image=b"i")) for key, own in enumerate((0, 0, 0, 1, 1), 1)),
        (6, labelled(6, 1, 3)),  # ends one image too early
        (7, labelled(7, 3, 6)),
    ]
    write_records(tmp_path, rounded)
    with caplog.at_level("WARNING"):
        found = sorted(contents(tmp_path))
    assert found == [f"{subject:07d}/{key:08d}" for key, subject in enumerate((0, 0, 0, 1, 1), 1)]
    assert not caplog.records


@pytest.mark.parametrize("label", [2, -1, 0.5, float("nan")])
def test_an_image_that_nobody_has_at_all_is_told(tmp_path, label):
    write_records(tmp_path, gap(label))
    with pytest.raises(
        ReaderError, match="key 3 belongs to no subject, and its own record has label"
    ):
        contents(tmp_path)


def test_an_index_without_some_images_is_read_and_told(tmp_path, caplog):
    testing.recordio(tmp_path, subjects=3, each=2)
    lines = (tmp_path / "train.idx").read_text().splitlines()
    (tmp_path / "train.idx").write_text("\n".join(line for line in lines if line[:2] != "3\t"))
    with caplog.at_level("WARNING"):
        assert len(contents(tmp_path)) == 5
    assert "1 keys have no line in train.idx, among them 'key 3'" in caplog.text


def test_two_labels_and_no_header_are_images(tmp_path):
    """Sets that give a second label, such as an age, to each image: the first is the subject."""
    write_records(tmp_path, [(n, labelled(n, n % 2, 30 + n, image=b"p")) for n in range(4)])
    assert sorted(contents(tmp_path)) == [
        "0000000/00000000",
        "0000000/00000002",
        "0000001/00000001",
        "0000001/00000003",
    ]


@pytest.mark.parametrize("text", ["2,112,112", "7,112,112", "7,112,112\r\n", "\ufeff2,112,112"])
def test_property_counts_the_subjects_or_their_labels(tmp_path, text):
    write_records(tmp_path, [(n, labelled(n, 6 * n, image=b"p")) for n in range(2)])
    (tmp_path / "property").write_bytes(text.encode())
    assert len(contents(tmp_path)) == 2


@pytest.mark.parametrize("data", [b"3,112,112", b"", b"\xff\xfe\x00\x01", b"many"])
def test_another_property_is_told_whatever_stands_there(tmp_path, data):
    write_records(tmp_path, [(n, labelled(n, 6 * n, image=b"p")) for n in range(2)])
    (tmp_path / "property").write_bytes(data)
    with pytest.raises(ReaderError, match=r"property: expected '2,<height>,<width>'.* or 7 for"):
        contents(tmp_path)


def test_an_offset_longer_than_any_file_is_told(tmp_path):
    (tmp_path / "train.idx").write_text("0\t99999999999999999999\n")
    with pytest.raises(ReaderError, match=r"train\.idx: expected lines of a key and an offset"):
        read_index(tmp_path / "train.idx")


def stored(key):
    """Round a key as ``float32`` does, were a whole number exact below 8, not below 2²⁴."""
    step = 1
    while key >= 8 * step:
        step *= 2
    return step * round(key / step)


@pytest.mark.parametrize("each", [(6, 3, 3), (6, 3, 2), (6, 3, 1), (5, 2, 2, 1), (8, 4), (7, 1, 7)])
def test_where_keys_are_no_longer_exact_images_are_their_own_labels(
    tmp_path, monkeypatch, caplog, each
):
    monkeypatch.setattr(recordio, "_EXACT_KEYS", 8)
    owners = [subject for subject, images in enumerate(each) for _ in range(images)]
    end = len(owners) + 1
    records = [(0, labelled(0, stored(end), stored(end + len(each))))]
    records += [(key, labelled(key, owner, image=b"p")) for key, owner in enumerate(owners, 1)]
    first = 1
    for key, images in enumerate(each, end):
        records.append((key, labelled(key, stored(first), stored(first + images))))
        first += images
    write_records(tmp_path, records)
    with caplog.at_level("WARNING"):
        found = contents(tmp_path)
    assert sorted(found) == [f"{owner:07d}/{key:08d}" for key, owner in enumerate(owners, 1)]
    assert "key" not in caplog.text
