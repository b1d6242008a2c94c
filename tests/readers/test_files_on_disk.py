"""What can lie in a data set's folder besides images: nothing hangs, nothing is lost in silence."""

import os
import socket
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.ops.codec import encode_png
from pipeline.params.datasets import DatasetParams
from pipeline.params.ingest import IngestParams
from pipeline.readers import files, read_dataset
from pipeline.readers.files import unfit_for_dvc
from pipeline.readers.layout import files_below
from pipeline.readers.listing import load_file
from pipeline.readers.rows import take_in
from pipeline.readers.tables import read_text
from pipeline.types import Rejected

IMAGE = encode_png(np.zeros((4, 4), np.uint8))
OPEN_FILES = Path("/proc/self/fd")
INGEST = IngestParams(max_megapixels=1.0, tone_percentiles=(0.5, 99.5))


def taken_in(root, reader="folder", **values):
    """Rows and rejections of a data set, by id."""
    params = DatasetParams(reader=reader, root=str(root), shards=2, **values)
    listing = read_dataset("mine", params)
    rows, rejected = {}, {}
    for index in range(2):
        for (row,) in listing.shard(index).batches():
            for item in take_in(row, INGEST):
                if isinstance(item, Rejected):
                    rejected[row["sample_id"]] = item
                else:
                    rows[row["sample_id"]] = item
    return rows, rejected


def put(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(IMAGE)


def reasons(rejected):
    return {name: item.reason for name, item in rejected.items()}


def test_every_file_that_is_passed_over_is_a_rejected_row(tmp_path):
    put(tmp_path, "anna/1.png", "anna/2.jfif", "anna/3.mpo", "anna/4.tga", "anna/5.avif")
    put(tmp_path, "anna/6.HEIC", "anna/7", "anna/.8.png", ".git/9.png", "anna/notes.txt")
    rows, rejected = taken_in(tmp_path)
    assert set(rows) == {"anna/1.png"}
    assert reasons(rejected) == {
        **{f"anna/{name}": "other_format" for name in ("2.jfif", "3.mpo", "4.tga", "5.avif")},
        **{"anna/6.HEIC": "other_format", "anna/notes.txt": "other_format"},
        **{"anna/7": "no_extension", "anna/.8.png": "hidden", ".git": "hidden"},
    }


def test_a_linked_folder_is_told_and_a_linked_file_is_that_file(tmp_path):
    put(tmp_path / "elsewhere", "bob/1.png", "2.png")
    put(tmp_path / "set", "anna/1.png")
    (tmp_path / "set/bob").symlink_to(tmp_path / "elsewhere/bob")
    (tmp_path / "set/anna/2.png").symlink_to(tmp_path / "elsewhere/2.png")
    rows, rejected = taken_in(tmp_path / "set")
    assert set(rows) == {"anna/1.png", "anna/2.png"}
    assert reasons(rejected) == {"bob": "linked_folder"}
    (tmp_path / "link").symlink_to(tmp_path / "set")
    assert set(taken_in(tmp_path / "link")[0]) == set(rows)  # a root may be a link


def test_loops_of_links_end(tmp_path):
    put(tmp_path, "anna/1.png")
    (tmp_path / "anna/up").symlink_to(tmp_path)
    (tmp_path / "anna/self.png").symlink_to(tmp_path / "anna/self.png")
    (tmp_path / "anna/gone.png").symlink_to(tmp_path / "nowhere.png")
    rows, rejected = taken_in(tmp_path)
    assert set(rows) == {"anna/1.png"}
    assert reasons(rejected) == {
        "anna/up": "linked_folder",
        "anna/self.png": "unreadable",
        "anna/gone.png": "unreadable",
    }
    assert files_below(tmp_path) == ["anna/1.png", "anna/gone.png", "anna/self.png", "anna/up/"]


def test_what_is_no_regular_file_hangs_nothing(tmp_path, monkeypatch):
    put(tmp_path, "anna/1.png")
    os.mkfifo(tmp_path / "anna/fifo.jpg")
    monkeypatch.chdir(tmp_path)  # a socket's path may have 107 bytes
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("anna/socket.jpg")
        rows, rejected = taken_in(tmp_path)
    assert set(rows) == {"anna/1.png"}
    assert reasons(rejected) == {"anna/fifo.jpg": "unreadable", "anna/socket.jpg": "unreadable"}
    assert rejected["anna/fifo.jpg"].detail == "anna/fifo.jpg: it is not a regular file"


def test_a_file_that_is_too_long_is_not_read(tmp_path, monkeypatch):
    put(tmp_path, "anna/1.png")
    with (tmp_path / "anna/sparse.jpg").open("wb") as file:
        file.truncate(6 << 30)
    _, rejected = taken_in(tmp_path)
    assert reasons(rejected) == {"anna/sparse.jpg": "too_large"}
    assert rejected["anna/sparse.jpg"].detail.startswith("the file has 6.4 GB, more than the 1.1")
    monkeypatch.setattr(files, "MOST_BYTES", len(IMAGE) - 1)
    with pytest.raises(ValueError, match="an image or a list may have"):
        files.read_file(tmp_path / "anna/1.png")


@pytest.mark.skipif(not Path("/proc/version").is_file(), reason="a file of size 0, as Linux has")
def test_a_file_that_says_it_is_empty_is_read_to_its_end():
    path = Path("/proc/version")
    assert path.stat().st_size == 0
    assert files.read_file(path) == path.read_bytes() != b""


def test_a_small_file_takes_no_room_for_the_longest(tmp_path):
    (tmp_path / "1.png").write_bytes(IMAGE)
    tracemalloc.start()
    try:
        assert files.read_file(tmp_path / "1.png") == IMAGE
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_a_folder_that_may_not_be_entered_is_one_line(tmp_path, monkeypatch):
    put(tmp_path, "anna/1.png")

    def refused(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(files.os, "scandir", refused)
    with pytest.raises(ReaderError, match=r"can't be listed: Permission denied"):
        taken_in(tmp_path)


def test_the_listing_of_images_alone_is_as_before(tmp_path):
    put(tmp_path, "anna/1.png", "anna/.2.png", "anna/notes.txt")
    params = DatasetParams(reader="folder", root=str(tmp_path), shards=2)
    listing = read_dataset("mine", params)
    assert [row["sample_id"] for row in listing.rows] == ["anna/1.png"]
    assert sorted(row["sample_id"] for row in listing.passed_over) == [
        "anna/.2.png",
        "anna/notes.txt",
    ]


def test_names_that_are_no_utf8_are_taken_in(tmp_path):
    folder = tmp_path / os.fsdecode(b"m\xfcller")
    folder.mkdir()
    for name in (b"gr\xfc\xdf.png", b"gr\xfc.heic", b"50%\xfc.png"):
        (folder / os.fsdecode(name)).write_bytes(IMAGE)
    rows, rejected = taken_in(tmp_path)
    assert set(rows) == {"m%FCller/gr%FC%DF.png", "m%FCller/50%25%FC.png"}
    assert {row["subject_id"] for row in rows.values()} == {"m%FCller"}
    assert reasons(rejected) == {"m%FCller/gr%FC.heic": "other_format"}
    listing = read_dataset("mine", DatasetParams(reader="folder", root=str(tmp_path), shards=1))
    assert listing.shard(0).mark() == listing.shard(0).mark() is not None


def test_a_list_may_name_what_no_disk_can_have(tmp_path):
    put(tmp_path, "anna/1.png")
    far = f"{'n' * 300}/1.png"
    (tmp_path / "list.csv").write_text(f"path,subject\nanna/1.png,anna\n{far},bob\n")
    rows, rejected = taken_in(tmp_path, list="list.csv")
    assert (set(rows), reasons(rejected)) == ({"anna/1.png"}, {far: "unreadable"})
    listing = read_dataset(
        "mine", DatasetParams(reader="folder", root=str(tmp_path), list="list.csv", shards=1)
    )
    assert listing.shard(0).mark()


def test_files_at_which_dvc_stops_are_named(tmp_path):
    put(tmp_path, "anna/1.png", "bob/2.png")
    assert list(unfit_for_dvc(tmp_path)) == []
    (tmp_path / os.fsdecode(b"anna/gr\xfc.png")).write_bytes(IMAGE)
    os.mkfifo(tmp_path / "anna/pipe.png")
    (tmp_path / "bob/gone.png").symlink_to("nowhere.png")
    (tmp_path / "bob/loop.png").symlink_to("loop.png")
    (tmp_path / "bob/there.png").symlink_to("2.png")
    assert dict(unfit_for_dvc(tmp_path)) == {
        "anna/gr%FC.png": "its name is not UTF-8",
        "anna/pipe.png": "it is not a regular file, and DVC would wait for it forever",
        "bob/gone.png": "No such file or directory",
        "bob/loop.png": "Too many levels of symbolic links",
    }


def test_a_linked_folder_of_an_official_layout_is_told(buaa):
    first = sorted(path for path in buaa.iterdir() if path.is_dir())[0]
    first.rename(buaa.parent / "elsewhere")
    first.symlink_to(buaa.parent / "elsewhere")
    params = DatasetParams(reader="buaa_visnir", root=str(buaa), shards=2)
    listing = read_dataset("mine", params)
    assert [row["refused"][0] for row in listing.passed_over] == ["linked_folder"]
    assert len(listing.rows) == 2700 - 18


def test_an_image_that_a_list_names_behind_a_linked_folder_is_told_and_not_read(tmp_path):
    put(tmp_path / "elsewhere", "1.png", "münch/2.png")
    put(tmp_path / "set", "anna/1.png")
    (tmp_path / "set/bob").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/anna/2.png").symlink_to(tmp_path / "elsewhere/1.png")
    listed = ("anna/1.png", "anna/2.png", "bob/1.png", "bob/münch/2.png")
    (tmp_path / "set/images.csv").write_text("\n".join(["path", *listed]))
    rows, rejected = taken_in(tmp_path / "set", list="images.csv")
    assert set(rows) == {"anna/1.png", "anna/2.png"}
    assert set(reasons(rejected).values()) == {"linked_folder"}
    testing.ijbc(tmp_path / "ijbc", subjects=2)
    (tmp_path / "ijbc/images/img").rename(tmp_path / "img")
    (tmp_path / "ijbc/img").symlink_to(tmp_path / "img")
    rows, rejected = taken_in(tmp_path / "ijbc", "ijbc")
    assert len(rows) == 4  # the frames
    assert set(reasons(rejected).values()) == {"linked_folder"}


@pytest.mark.parametrize("outside", ["../secret.jpg", "img/../../secret.jpg", "{root}/secret.jpg"])
def test_a_list_that_leads_out_of_the_data_set_is_refused(tmp_path, outside):
    put(tmp_path, "secret.jpg")
    testing.ijbc(tmp_path / "set", subjects=2)
    outside = outside.format(root=tmp_path)
    for file in (tmp_path / "set").rglob("ijbc_*.csv"):
        file.write_text(file.read_text().replace("img/1.jpg", outside))
    with pytest.raises(ReaderError, match=rf"1 paths of its lists lead out.*: {outside}; expected"):
        taken_in(tmp_path / "set", "ijbc")
    assert "content" not in load_file(tmp_path / "set", {"path": outside})


def test_two_files_of_one_name_that_are_passed_over_are_named(tmp_path):
    put(tmp_path, "anna/1.png", "anna/\u00e9.txt", "anna/e\u0301.txt")
    with pytest.raises(ReaderError, match="1 sample ids occur twice: anna/%C3%A9"):
        taken_in(tmp_path)


def test_a_list_that_is_no_regular_file_hangs_nothing(tmp_path):
    put(tmp_path, "anna/1.png")
    os.mkfifo(tmp_path / "gallery-1.csv")
    with pytest.raises(ReaderError, match="it is not a regular file"):
        read_text(tmp_path / "gallery-1.csv")


def test_a_media_with_brackets_is_found_without_its_extension(replica):
    replica.video("SWIR-30m/one[1].mp4", 4)
    replica.video("SWIR-30m/one1.mp4", 4)
    replica.box("a", "SWIR-30m/one[1]", 0, (4, 5, 10, 12))
    replica.write()
    params = DatasetParams(reader="ijb_mdf", root=str(replica.root), shards=1)
    rows = read_dataset("mdf", params).rows
    assert {row["path"] for row in rows} == {"SWIR-30m/one[1].mp4"}


@pytest.mark.parametrize(
    ("reader", "write", "image"),
    [
        ("llcm", testing.llcm, "test_vis/cam1/*/*.jpg"),
        ("sf_tl54", testing.sf_tl54, "dataset/rgb/*/*.png"),
        ("sf_tl54", testing.sf_tl54, "dataset/gray/*/images/*.png"),
        ("buaa_visnir", testing.buaa_visnir, "1/1.bmp"),
    ],
)
def test_two_files_of_one_stem_are_told_and_none_is_taken_for_both(tmp_path, reader, write, image):
    write(tmp_path)
    first = sorted(tmp_path.glob(image))[0]
    first.with_suffix(".tif").write_bytes(first.read_bytes())
    with pytest.raises(ReaderError, match="1 sample ids occur twice"):
        read_dataset("set", DatasetParams(reader=reader, root=str(tmp_path), shards=1))


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="counts open files as Linux does")
def test_a_folder_in_the_place_of_a_file_is_told_and_leaves_none_open(tmp_path):
    (tmp_path / "a.png").mkdir()
    before = len([*OPEN_FILES.iterdir()])
    for _ in range(9):
        with pytest.raises(IsADirectoryError):
            files.read_file(tmp_path / "a.png")
    assert len([*OPEN_FILES.iterdir()]) == before


def test_a_list_that_can_not_be_read_keeps_no_digest_from_being_made(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("1")
    whole, true = files.lists_sha256(tmp_path), Path.open

    def refuse(self, *options):
        if self.name == "a.txt":
            raise PermissionError(13, "Permission denied")
        return true(self, *options)

    monkeypatch.setattr(Path, "open", refuse)
    assert files.lists_sha256(tmp_path) not in ("", whole)
