"""Reader ``ijb_mdf`` on small replicas of its layout, real videos and frame folders."""

import logging

import pytest
from replicas import number_of

from pipeline.errors import ReaderError
from pipeline.ops.codec import decode
from pipeline.params.datasets import DatasetParams, IjbMdfColumns, IjbMdfParams
from pipeline.params.ingest import IngestParams
from pipeline.readers import read_dataset
from pipeline.readers.rows import take_in
from pipeline.readers.segments import load_segment, take_in_segment
from pipeline.types import Band, Rejected

LIMITS = {"max_pixels": 1_000_000, "tone_percentiles": (0.5, 99.5)}
INGEST = IngestParams(max_megapixels=1.0, tone_percentiles=(0.5, 99.5))
VIDEO = "SWIR-30m/one.mp4"


def listing_of(replica, *, simulated=False, **values):
    layout = IjbMdfParams(**values)
    params = DatasetParams(
        reader="ijb_mdf", root=str(replica.root), shards=3, ijb_mdf=layout, simulated=simulated
    )
    return read_dataset("mdf", params)


def taken_in(replica, **values):
    """All frames by id, and all rejections by (media, part)."""
    frames, rejected = {}, {}
    listing = listing_of(replica, **values)
    for index in range(listing.count):
        for (row,) in listing.shard(index).batches():
            if "unreadable" in row:
                rejected[row["sample_id"], ""] = Rejected("unreadable", row["unreadable"])
                continue
            for item in take_in_segment(row, **LIMITS):
                if isinstance(item, Rejected):
                    rejected[row["media_id"], item.part] = item
                else:
                    frames[item["sample_id"]] = item
    return dict(sorted(frames.items())), rejected


def reasons(rejected):
    return {part: item.reason for (_, part), item in rejected.items()}


@pytest.fixture
def two_media(replica):
    """A video with two people of one gallery, and a folder of frames with both galleries."""
    replica.video(VIDEO, 40)
    for frame in range(40):
        replica.box("a", VIDEO, frame, (4, 5, 10, 12))
        if frame >= 20:
            replica.box("b", VIDEO, frame, (30, 5, 10, 12))
    replica.frames("LWIR-30m/night/two", [3, 4, 7])
    for number in (3, 4, 7):
        replica.box("a", "LWIR-30m/night/two", number)
    replica.box("c", "LWIR-30m/night/two", 7, (30, 5, 10, 12))
    replica.write()
    return replica


def test_every_annotated_frame_becomes_a_row(two_media):
    frames, rejected = taken_in(two_media, segment_frames=16)
    assert not rejected
    assert len(frames) == 43
    row = frames["SWIR-30m/one.mp4/000016#000025"]
    assert (row["media_id"], row["camera_id"], row["band"]) == (VIDEO, "SWIR-30m", "SWIR")
    assert (row["frame_index"], row["region"], row["split"]) == (25, "scene", "train")
    assert (row["width_px"], row["height_px"]) == (64, 48)
    assert row["truth_people"] == [
        {
            "subject_id": "a",
            "split": "train",
            "face_xyxy": [3.5, 4.5, 13.5, 16.5],
            "body_xyxy": None,
        },
        {
            "subject_id": "b",
            "split": "train",
            "face_xyxy": [29.5, 4.5, 39.5, 16.5],
            "body_xyxy": None,
        },
    ]


def test_the_image_of_each_row_is_that_frame(two_media):
    frames, _ = taken_in(two_media, segment_frames=8)
    video = [row for row in frames.values() if row["media_id"] == VIDEO]
    shown = [number_of(decode(row["image"]["bytes"])) for row in video]
    assert shown == [row["frame_index"] for row in video] == list(range(40))
    folder = [row for row in frames.values() if row["band"] == "LWIR"]
    assert [number_of(decode(row["image"]["bytes"])) for row in folder] == [3, 4, 7]


def test_a_frame_of_both_galleries_has_no_split_but_its_people_have(two_media):
    frames, _ = taken_in(two_media)
    row = frames["LWIR-30m/night/two/000000#000007"]
    assert row["split"] is None
    assert [person["split"] for person in row["truth_people"]] == ["train", "test"]


def test_somebody_whom_no_gallery_lists_has_no_split(two_media, caplog):
    two_media.write(first=("a",), second=("c",))
    with caplog.at_level(logging.INFO):
        frames, _ = taken_in(two_media)
    assert "1 subjects are in no gallery and have no split: b" in caplog.text
    assert frames["SWIR-30m/one.mp4/000000#000005"]["split"] == "train"
    assert frames["SWIR-30m/one.mp4/000000#000025"]["split"] is None


def test_stride_counts_from_the_first_frame_of_the_media(two_media):
    frames, _ = taken_in(two_media, frame_stride=7)
    indices = [row["frame_index"] for row in frames.values() if row["media_id"] == VIDEO]
    assert indices == [0, 7, 14, 21, 28, 35]


def test_the_cap_spreads_over_all_frames_of_a_subject(two_media):
    frames, _ = taken_in(two_media, max_frames_per_subject=2)
    indices = [row["frame_index"] for row in frames.values() if row["media_id"] == VIDEO]
    assert indices == [0, 20, 39]  # a: 0 and 39; b: 20 and 39
    assert all(len(frames[i]["truth_people"]) == 2 for i in frames if i.endswith(("20", "39")))


def test_frame_numbers_may_count_from_one(replica):
    replica.video(VIDEO, 5)
    for frame in range(1, 6):
        replica.box("a", VIDEO, frame)
    replica.write()
    frames, rejected = taken_in(replica, frame_base=1)
    assert not rejected
    assert [row["frame_index"] for row in frames.values()] == [0, 1, 2, 3, 4]
    assert [number_of(decode(r["image"]["bytes"])) for r in frames.values()] == [0, 1, 2, 3, 4]


def test_numbers_that_look_one_based_are_told(replica, caplog):
    replica.video(VIDEO, 5)
    for frame in range(1, 6):
        replica.box("a", VIDEO, frame)
    replica.write()
    _, rejected = taken_in(replica)
    assert "seem to count from 1" in caplog.text
    assert "datasets.mdf.ijb_mdf.frame_base: 1" in caplog.text
    assert reasons(rejected) == {"000005": "no_such_frame"}


def test_frame_zero_refutes_base_one(two_media):
    with pytest.raises(ReaderError, match=r"frame number 0 is below frame_base 1; set .*: 0"):
        listing_of(two_media, frame_base=1)


def test_columns_and_folders_may_have_other_names(replica):
    replica.header = "id,media,n,l,t,w,h,bl,bt,bw,bh"
    replica.video("thermal/x.mp4", 2)
    replica.lines = ["a,thermal/x.mp4,0,1,2,3,4,,,,", "a,thermal/x,1,,,,,10,11,12,13"]
    replica.write()
    columns = IjbMdfColumns(
        **dict(zip(IjbMdfColumns.model_fields, replica.header.split(","), strict=True))
    )
    frames, rejected = taken_in(replica, columns=columns, bands={"thermal": Band.MWIR})
    assert not rejected
    first, second = (row["truth_people"][0] for row in frames.values())
    assert (first["face_xyxy"], first["body_xyxy"]) == ([0.5, 1.5, 3.5, 5.5], None)
    assert (second["face_xyxy"], second["body_xyxy"]) == (None, [9.5, 10.5, 21.5, 23.5])
    assert {row["band"] for row in frames.values()} == {"MWIR"}


def without_files(replica):
    """Take the column of files out of the table."""
    (table,) = replica.root.glob("annotations/*.csv")
    lines = [line.split(",") for line in table.read_text().splitlines()]
    place = lines[0].index("FILENAME")
    kept = [",".join(cells[:place] + cells[place + 1 :]) for cells in lines]
    table.write_text("\n".join(kept) + "\n")


def test_a_table_without_files_is_that_of_the_only_video(replica):
    replica.video(VIDEO, 3)
    replica.box("a", VIDEO, 0)
    replica.box("a", VIDEO, 2)
    replica.write()
    wanted, _ = taken_in(replica)
    without_files(replica)
    found, rejected = taken_in(replica)
    assert list(found) == list(wanted)
    assert len(found) == 2
    assert rejected == {}


def test_of_several_media_a_table_has_to_name_its_own(two_media):
    without_files(two_media)
    with pytest.raises(ReaderError, match=r"expected columns \['FILENAME'\]"):
        listing_of(two_media)


def test_media_without_annotation_are_told(two_media, caplog):
    two_media.video("VIS-500m/idle.mp4", 2)
    with caplog.at_level(logging.INFO):
        listing = listing_of(two_media)
    assert "1 media have no annotation and are left out: VIS-500m/idle.mp4" in caplog.text
    (row,) = listing.passed_over
    (told,) = take_in(load_segment(two_media.root, row), INGEST)
    assert (row["sample_id"], told.reason) == ("VIS-500m/idle.mp4", "no_annotation")


def test_media_behind_a_linked_folder_are_told(two_media):
    folder = two_media.root / "SWIR-30m"
    folder.symlink_to(folder.rename(two_media.root / "elsewhere"))
    listing = listing_of(two_media)
    assert not [row for row in listing.rows if row["sample_id"].startswith("SWIR-30m")]
    told = [(row["sample_id"], row["refused"][0]) for row in listing.passed_over]
    assert told == [(VIDEO, "linked_folder")]


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((4, 5, 0, 12), "bad_box"),
        ((4, 5, 10, -1), "bad_box"),
        ((64, 5, 10, 12), "bad_box"),
        ((4, -12, 10, 12), "bad_box"),
        (("nan", 5, 10, 12), "bad_box"),
        (("inf", 5, 10, 12), "bad_box"),
        (("", "", "", ""), "bad_box"),
    ],
)
def test_a_box_that_cannot_be_leaves_with_its_reason(replica, box, reason):
    replica.video(VIDEO, 2)
    for frame in (0, 1):
        replica.box("a", VIDEO, frame)
    replica.box("b", VIDEO, 0, box)
    replica.box("b", VIDEO, 1, (-3, 5, 10, 12))  # over the edge, not beyond it
    replica.write()
    frames, rejected = taken_in(replica)
    assert [len(row["truth_people"]) for row in frames.values()] == [1, 2]
    ((part, found),) = reasons(rejected).items()
    assert part.startswith("000000.b")
    assert found == reason


def test_a_frame_without_a_usable_box_leaves_too(replica):
    replica.video(VIDEO, 2)
    replica.box("a", VIDEO, 0, (0, 0, 0, 0))
    replica.box("a", VIDEO, 1)
    replica.write()
    frames, rejected = taken_in(replica)
    assert len(frames) == 1
    assert reasons(rejected) == {"000000": "no_people", "000000.a.face": "bad_box"}


def test_two_boxes_of_one_subject_in_a_frame_both_leave_but_a_repeated_line_is_one(replica):
    replica.video(VIDEO, 1)
    for box in ((4, 5, 10, 12), (4, 5, 10, 12)):
        replica.box("a", VIDEO, 0, box)
    for box in ((4, 5, 10, 12), (30, 5, 10, 12)):
        replica.box("b", VIDEO, 0, box)
    replica.write()
    frames, rejected = taken_in(replica)
    (row,) = frames.values()
    assert [person["subject_id"] for person in row["truth_people"]] == ["a"]
    assert reasons(rejected) == {"000000.b": "conflicting_boxes"}


def test_an_annotation_of_a_frame_that_is_not_there(two_media):
    two_media.box("a", VIDEO, 44)
    two_media.box("a", "LWIR-30m/night/two", 5)
    two_media.write()
    frames, rejected = taken_in(two_media)
    assert len(frames) == 43
    assert reasons(rejected) == {"000044": "no_such_frame", "000005": "no_such_frame"}
    details = " ".join(item.detail for item in rejected.values())
    assert "the video has 40 frames, so 39 is its last" in details
    assert "no image has number 5; they run from 3 to 7" in details


def test_a_media_that_is_not_there_is_unreadable(replica):
    replica.box("a", VIDEO, 0)
    replica.write()
    _, rejected = taken_in(replica)
    assert [item.reason for item in rejected.values()] == ["unreadable"]


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "empty_file"), (b"no video at all" * 99, "not_a_video")]
)
def test_a_file_that_is_no_video(replica, data, reason):
    (replica.root / "SWIR-30m").mkdir()
    (replica.root / VIDEO).write_bytes(data)
    replica.box("a", VIDEO, 0)
    replica.write()
    _, rejected = taken_in(replica)
    ((found, detail),) = [(item.reason, item.detail) for item in rejected.values()]
    assert found == reason
    assert detail.endswith("1 frames are lost")


def test_of_a_video_that_ends_early_the_frames_so_far_are_kept(replica):
    replica.video(VIDEO, 40, container={"movflags": "faststart"})
    whole = (replica.root / VIDEO).read_bytes()
    (replica.root / VIDEO).write_bytes(whole[: (whole.index(b"mdat") + len(whole)) // 2])
    for frame in range(40):
        replica.box("a", VIDEO, frame)
    replica.write()
    frames, rejected = taken_in(replica)
    kept = [row["frame_index"] for row in frames.values()]
    assert 0 < len(kept) < 40
    assert kept[0] == 0
    assert [number_of(decode(row["image"]["bytes"])) for row in frames.values()] == kept
    assert len(kept) + len(rejected) == 40
    assert set(reasons(rejected).values()) == {"damaged_video"}


def test_a_moved_data_set_keeps_its_digests(two_media, tmp_path):
    def digests(replica):
        listing = listing_of(replica)
        return [sha for index in range(listing.count) for sha in listing.shard(index).contents()]

    before = digests(two_media)
    two_media.root = two_media.root.rename(tmp_path / "elsewhere")
    assert digests(two_media) == before
    two_media.lines[0] = two_media.lines[0].replace(",12", ",11")
    two_media.write()
    changed = [a != b for a, b in zip(before, digests(two_media), strict=True)]
    assert sum(changed) == 1  # one segment of three


def test_simulated_is_told_of_the_data_set(two_media):
    assert {row["simulated"] for row in listing_of(two_media, simulated=True).rows} == {True}


def test_frames_may_be_kept_without_loss(two_media):
    frames, _ = taken_in(two_media, frame_format="png")
    assert {row["image"]["bytes"][:4] for row in frames.values()} == {b"\x89PNG"}
    paths = {row["image"]["path"].rpartition(".")[2] for row in frames.values()}
    assert paths == {"png"}


def test_a_subject_in_both_galleries_is_refused(two_media):
    two_media.write(second=("c", "a"))
    with pytest.raises(ReaderError, match=r"1 subjects are in both gallery-1 and gallery-2.*: a"):
        listing_of(two_media)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda r: (r.root / "gallery-2.csv").unlink(), r"list of subjects, found no such file"),
        (lambda r: (r.root / "gallery-1.csv").write_text(""), "expected at least one subject"),
        (lambda r: (r.root / "gallery-1.csv").write_text("x,y\na,b"), "expected a column"),
        (
            lambda r: (r.root / "annotations/boxes.csv").unlink(),
            r"found no annotations/\*\.csv, but",
        ),
        (lambda r: r.root.rename(r.root.with_name("gone")), "found nothing; correct datasets"),
    ],
)
def test_a_wrong_layout_says_what_was_looked_for(two_media, break_it, message):
    break_it(two_media)
    with pytest.raises(ReaderError, match=message):
        listing_of(two_media)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,a,NIR-1m/x.mp4,0,1,1,1,1", "in none of the band folders"),
        ("1,a,x.mp4,0,1,1,1,1", "in none of the band folders"),
        ("1,a,../x.mp4,0,1,1,1,1", "has to stay below"),
        ("1,a,/SWIR-30m/x.mp4,0,1,1,1,1", "has to stay below"),
        ("1,,SWIR-30m/x.mp4,0,1,1,1,1", "line 2: SUBJECT_ID is empty"),
        ("1,a,SWIR-30m/x.mp4,0.5,1,1,1,1", "line 2: FRAME_NUM is not a whole number"),
        ("1,a,SWIR-30m/x.mp4,,1,1,1,1", "line 2: FRAME_NUM is not a whole number"),
        ("1,a,SWIR-30m/x.mp4,-1,1,1,1,1", "frame number -1 is below frame_base 0"),
        ("1,a,SWIR-30m/x.mp4,0,left,1,1,1", "boxes.csv: .*left"),
        ("1,a,SWIR-30m/x.mp4,0,1,1", "boxes.csv: .*[Cc]olumns"),
    ],
)
def test_a_faulty_line_is_refused_with_its_place(replica, line, message):
    replica.lines = [line]
    replica.write()
    with pytest.raises(ReaderError, match=message):
        listing_of(replica)


def test_a_table_without_a_column_names_it(replica):
    replica.header = replica.header.replace("FACE_X", "X")
    replica.box("a", VIDEO, 0)
    replica.write()
    with pytest.raises(ReaderError, match=r"expected columns \['FACE_X'\], found .*'X'"):
        listing_of(replica)


def test_two_images_of_one_number_are_refused(two_media):
    (two_media.root / "LWIR-30m/night/two/x7.png").write_bytes(b"")
    with pytest.raises(ReaderError, match="are both frame 7"):
        listing_of(two_media)
