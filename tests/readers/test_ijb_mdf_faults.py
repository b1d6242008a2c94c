"""What tables and folders of ``ijb_mdf`` hold beside what is asked for: told, or passed over."""

import os
from pathlib import Path

import pytest
from replicas import write_frames

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams, IjbMdfParams
from pipeline.readers import read_dataset
from pipeline.readers.segments import take_in_segment

VIDEO = "SWIR-30m/one.mp4"


@pytest.fixture
def two_media(replica):
    """A video and a folder of frames, with one person in each."""
    replica.video(VIDEO, 12)
    replica.frames("LWIR-30m/night/two", [3, 4])
    for frame in range(12):
        replica.box("a", VIDEO, frame)
    for number in (3, 4):
        replica.box("c", "LWIR-30m/night/two", number)
    replica.write()
    return replica


def listing_of(replica):
    params = DatasetParams(
        reader="ijb_mdf", root=str(replica.root), shards=1, ijb_mdf=IjbMdfParams()
    )
    return read_dataset("mdf", params)


def shown(listing):
    return repr([*listing.rows]), repr([*listing.passed_over])


def test_a_video_of_larger_frames_than_are_decoded_is_told(two_media):
    loaded = (row for (row,) in listing_of(two_media).shard(0).batches())
    (row,) = (row for row in loaded if row["media_id"] == VIDEO)
    (lost,) = take_in_segment(row, max_pixels=64 * 48 - 1, tone_percentiles=(0.5, 99.5))
    assert lost.reason == "too_large"
    assert "64 × 48" in lost.detail
    assert len(take_in_segment(row, max_pixels=64 * 48, tone_percentiles=(0.5, 99.5))) == 12


def test_what_macos_leaves_beside_files_is_no_media(two_media):
    before = shown(listing_of(two_media))
    for name in (
        "SWIR-30m/._one.mp4",
        "LWIR-30m/night/two/._000003.png",
        "annotations/._boxes.csv",
    ):
        (two_media.root / name).write_bytes(b"\0\5\x16\7")
    (two_media.root / "SWIR-30m/.trash").mkdir()
    (two_media.root / "SWIR-30m/.trash/two.mp4").write_bytes(b"\0")
    assert shown(listing_of(two_media)) == before


@pytest.mark.parametrize("line", ["2", "2,"])
def test_a_gallerys_line_without_a_subject_is_named(two_media, line):
    (two_media.root / "gallery-2.csv").write_text(f"TEMPLATE_ID,SUBJECT_ID\n1,c\n{line}\n")
    with pytest.raises(ReaderError, match=r"gallery-2\.csv, line 3: expected a SUBJECT_ID"):
        listing_of(two_media)


def test_a_table_that_names_a_column_twice_is_refused(two_media):
    two_media.header += ",FACE_X"
    two_media.lines = [f"{line},9" for line in two_media.lines]
    two_media.write()
    with pytest.raises(ReaderError, match="the header names 'FACE_X' twice"):
        listing_of(two_media)


def test_blank_lines_above_a_header_are_passed_over(two_media):
    before = shown(listing_of(two_media))
    file = two_media.root / "annotations/boxes.csv"
    file.write_text(" \t\n\n" + file.read_text())
    assert shown(listing_of(two_media)) == before


def test_a_frame_number_that_is_a_time_is_told(two_media):
    two_media.box("a", VIDEO, 20231124123000)
    two_media.write()
    with pytest.raises(ReaderError, match="FRAME_NUM 20231124123000 is beyond 2147483647"):
        listing_of(two_media)


@pytest.mark.parametrize(("in_table", "in_list"), [("1.0", "1"), ("1", "1.0"), ("1.0", "1.0")])
def test_a_subject_that_pandas_made_a_float_is_the_one_of_the_list(replica, in_table, in_list):
    replica.video(VIDEO, 2)
    replica.box(in_table, VIDEO, 0)
    replica.write(first=(in_list,))
    (row,) = listing_of(replica).rows
    assert (row["people"].subjects, row["people"].splits) == (("1",), ("train",))


def test_a_broken_frame_whose_name_is_no_utf8_is_told(replica):
    folder = replica.root / "SWIR-30m/night"
    name = os.fsdecode(b"gr\xfc_") + "{:06d}.png"
    write_frames(folder, [0, 1], name)
    whole = (folder / name.format(1)).read_bytes()
    (folder / name.format(1)).write_bytes(whole[:60])
    for frame in (0, 1):
        replica.box("a", "SWIR-30m/night", frame)
    replica.write()
    ((row,),) = listing_of(replica).shard(0).batches()
    made, lost = take_in_segment(row, max_pixels=10_000, tone_percentiles=(0.5, 99.5))
    assert made["frame_index"] == 0
    assert lost.detail.startswith("gr%FC_000001.png: ")


def test_a_folder_of_frames_is_listed_once_and_anew_when_one_comes(replica, monkeypatch):
    name = "SWIR-30m/night"
    folder = write_frames(replica.root / name, range(0, 400, 2))
    for frame in range(399):
        replica.box("a", name, frame)
    replica.write()
    looks, true = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: looks.append(self) or true(self))
    rows = [row for (row,) in listing_of(replica).shard(0).batches()]
    assert len(rows) == 13  # of 32 frames each
    assert looks.count(folder) == 1
    os.utime(folder, ns=(0, 0))
    write_frames(folder, [1])
    rows_then = [row for (row,) in listing_of(replica).shard(0).batches()]
    changed = [
        old["segment"].sha256 != new["segment"].sha256
        for old, new in zip(rows, rows_then, strict=True)
    ]
    assert changed == [True] + [False] * 12
