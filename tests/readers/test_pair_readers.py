"""Readers of LFW, CFP, YTF and MegaFace on their replicas, their pairs, and faulty lists."""

import json
from pathlib import Path

import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.unlisted import strangers_of
from pipeline.store.protocols import Exclude
from pipeline.testing.images import put_text


def pairs(protocol, fold):
    match = protocol.fold(fold).match.to_pylist()
    return [(p["enroll_template_id"], p["probe_template_id"], p["same"]) for p in match]


def test_lfw_pairs_are_the_lists(tmp_path, listed, protocols):
    testing.lfw(tmp_path, folds=10, each=3)
    rows = listed("lfw")
    assert len(rows) == 120
    assert len({row["subject_id"] for row in rows.values()}) == 60
    made = protocols("lfw")
    assert set(made) == {"view2", "view1_test"}
    counts = made["view2"].counts()
    assert (counts["folds"], counts["genuine"], counts["impostor"]) == (10, 30, 30)
    assert pairs(made["view2"], 2)[0] == ("Person_06/0001", "Person_06/0002", True)
    assert pairs(made["view2"], 2)[3] == ("Person_06/0001", "Person_09/0002", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ten folds\n", "line 1: expected '10 300' or '1100'"),
        ("", "line 1: expected '10 300' or '1100'"),
        ("1\t1\nPerson_00\t1\t2\n", "expected 2 pairs as its header says, found 1"),
        ("1\t1\nPerson_00\t1\t2\nPerson_00\tone\tPerson_01\t1\n", "line 3: expected 'name i j'"),
        ("1\t1\nPerson_00\t1\t2\nPerson_00\t1\t2\n", "1 pairs occur twice"),
        ("1\t1\nPerson_00\t1\t1\nPerson_00\t1\tPerson_01\t1\n", "1 pairs compare an image"),
        ("1\t1\nPerson_00\t1\t2\nPerson_00\t1\tNobody\t1\n", "not on disk, among them Nobody/0001"),
    ],
)
def test_lfw_faulty_pairs_are_told(tmp_path, protocols, text, message):
    testing.lfw(tmp_path)
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(ReaderError, match=message):
        protocols("lfw")


def test_images_that_lfw_does_not_have_are_told(tmp_path, listed):
    testing.lfw(tmp_path)
    params = DatasetParams(reader="lfw", root=str(tmp_path), shards=1)
    assert strangers_of(params, listed("lfw").values()) == ()
    first = next(tmp_path.rglob("*_0001.jpg"))
    for name in (f"{first.parent.name}_3.jpg", "Copy of me.JPG"):
        (first.parent / name).write_bytes(first.read_bytes())
    found = strangers_of(params, listed("lfw").values())
    assert [Path(path).name for path in found] == ["Copy of me.JPG", f"{first.parent.name}_3.jpg"]


def test_lfw_without_pairs_has_no_protocol(tmp_path, listed, protocols):
    testing.lfw(tmp_path)
    (tmp_path / "pairs.txt").unlink()
    assert len(listed("lfw")) == 8
    with pytest.raises(ReaderError, match=r"expected the official list pairs\.txt"):
        protocols("lfw")


def test_lfw_twice_below_one_root_is_refused(tmp_path, listed):
    testing.lfw(tmp_path / "lfw_funneled")
    testing.lfw(tmp_path / "lfw")
    with pytest.raises(ReaderError, match="8 sample ids occur twice"):
        listed("lfw")


def test_cfp_pairs_count_in_the_right_lists(tmp_path, listed, protocols):
    testing.cfp(tmp_path)
    rows = listed("cfp")
    assert len(rows) == 4 * 14
    assert rows["003/frontal/02"]["view"] == "front"
    assert "view" not in rows["003/profile/02"]
    made = protocols("cfp")
    assert pairs(made["ff"], 2) == [
        ("001/frontal/02", "002/frontal/01", False),
        ("002/frontal/01", "003/frontal/01", False),
        ("001/frontal/02", "001/frontal/03", True),
        ("002/frontal/01", "002/frontal/02", True),
    ]
    assert pairs(made["fp"], 1) == [
        ("001/frontal/01", "002/profile/01", False),
        ("002/frontal/01", "003/profile/01", False),
        ("001/frontal/01", "001/profile/01", True),
        ("002/frontal/01", "002/profile/01", True),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [("1,2,3", "expected 'i,j'"), ("1,999", "the image lists lack number 1 or 999")],
)
def test_cfp_faulty_pairs_are_told(tmp_path, protocols, line, message):
    testing.cfp(tmp_path)
    put_text(tmp_path / "Protocol/Split/FP/01/same.txt", [line])
    with pytest.raises(ReaderError, match=f"same.txt, line 1: {message}"):
        protocols("cfp")


def test_ytf_templates_are_videos_and_boxes_come_from_labels(tmp_path, listed, protocols):
    testing.ytf(tmp_path, frames=3)
    rows = listed("ytf")
    assert len(rows) == 18
    row = rows["Ann_Lee/1/101"]
    assert [row[c] for c in ("subject_id", "media_id", "frame_index")] == [
        "Ann_Lee",
        "Ann_Lee/1",
        101,
    ]
    assert row["truth_box_xyxy"].tolist() == [0.5, 1.5, 6.5, 5.5]  # centre (4, 4), 6 × 4
    protocol = protocols("ytf")["ten_folds"]
    assert protocol.fold(1).counts()["enroll_samples"] == 3  # one video, in both pairs
    assert pairs(protocol, 2) == [("Bob_Ray/0", "Bob_Ray/1", True), ("Bob_Ray/1", "Cy_Oh/0", False)]


def test_ytf_aligned_frames_are_faces_without_boxes(tmp_path, listed):
    testing.ytf(tmp_path, aligned=True)
    rows = listed("ytf")
    assert {row["region"] for row in rows.values()} == {"face"}
    assert not any("truth_box_xyxy" in row for row in rows.values())
    testing.ytf(tmp_path)  # with both, the full frames count
    assert {row["region"] for row in listed("ytf").values()} == {"scene"}


@pytest.mark.parametrize(
    "line",
    [
        "1, 1, Ann_Lee/0, Ann_Lee/1",
        "1, Ann_Lee/0, Ann_Lee/1, 1",
        "1, 1, Ann_Lee, Bob_Ray/1, 1",
        "1, 1, a/0, b/0, yes",
    ],
)
def test_ytf_faulty_splits_are_told(tmp_path, protocols, line):
    testing.ytf(tmp_path)
    put_text(tmp_path / "splits.txt", ["header", line])
    with pytest.raises(ReaderError, match=r"splits\.txt, line 2: expected '<fold>"):
        protocols("ytf")


def test_megaface_searches_listed_probes_among_all(tmp_path, listed, protocols):
    testing.megaface(tmp_path, people=2, each=3, distractors=5)
    rows = listed("megaface")
    assert len(rows) == 11
    assert sum("subject_id" not in row for row in rows.values()) == 5
    made = protocols("megaface")
    official, cleaned = made["official"], made["cleaned"]
    assert (len(official.probe), len(official.enroll)) == (5, 10)  # the list leaves one out
    assert (len(cleaned.probe), len(cleaned.enroll)) == (
        5,
        9,
    )  # that one was noise, and a distractor
    assert official.exclude == Exclude.OTHER_MATES
    assert official.enroll["subject_id"].null_count == 5


def test_each_line_of_megafaces_lists_that_matches_nothing_is_told(tmp_path, protocols, caplog):
    testing.megaface(tmp_path, people=2, each=3, distractors=5)
    with caplog.at_level("WARNING"):
        protocols("megaface")
    assert caplog.text == ""
    with (tmp_path / "facescrub_noises.txt").open("a") as file:
        file.write("Nobody_1.png\nNobody_2.png\n")
    with (tmp_path / "megaface_noises.txt").open("a") as file:
        file.write("0.9\t999/9@N00/9_0.jpg\n")
    listed = tmp_path / "devkit/templatelists/facescrub_features_list.json"
    value = json.loads(listed.read_text())
    listed.write_text(json.dumps({name: [*each, "Nobody/x.png"] for name, each in value.items()}))
    with caplog.at_level("WARNING"):
        made = protocols("megaface")
    assert len(made["cleaned"].enroll) == 9  # what does match is left out as before
    assert (
        "facescrub_noises.txt: 2 lines name images that are not on disk, among them 'Nobody_1.png'"
        in caplog.text
    )
    assert (
        "megaface_noises.txt: 1 lines name images that are not on disk, among them '999/9@N00"
        in caplog.text
    )
    assert "facescrub_features_list.json: 1 lines name images" in caplog.text


def test_megaface_without_lists_takes_everything(tmp_path, protocols):
    testing.megaface(tmp_path)
    for name in ("facescrub_noises.txt", "megaface_noises.txt"):
        (tmp_path / name).unlink()
    (tmp_path / "devkit/templatelists/facescrub_features_list.json").unlink()
    (protocol,) = protocols("megaface").values()
    assert (len(protocol.probe), len(protocol.enroll)) == (6, 11)


@pytest.mark.parametrize("text", ["[1, 2]", "[" * 200_000, "\0"])
def test_megaface_faulty_list_is_told(tmp_path, protocols, text):
    testing.megaface(tmp_path)
    (tmp_path / "devkit/templatelists/facescrub_features_list.json").write_text(text)
    with pytest.raises(
        ReaderError, match=r"facescrub_features_list\.json.*: expected (\{'path'|a text)"
    ):
        protocols("megaface")


@pytest.mark.parametrize("reader", ["lfw", "cfp", "ytf", "megaface"])
def test_a_wrong_root_says_what_was_looked_for_and_what_is_there(tmp_path, listed, reader):
    testing.tufts(tmp_path, subjects=1)
    with pytest.raises(
        ReaderError, match=r"expected .*found TD_IR_E_Set1/ \(5 files\)|expected .*found TD"
    ):
        listed(reader)
