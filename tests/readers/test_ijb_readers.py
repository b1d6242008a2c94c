"""Readers of IJB-A, -B and -C on replicas: faces in shared files, templates, comparisons."""

import math
import re

import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.readers.ijb import sightings
from pipeline.readers.ijbc import COLUMNS
from pipeline.testing.images import put_text


def test_ijba_a_sample_is_a_subjects_face_in_a_file(tmp_path, listed):
    testing.ijba(tmp_path, subjects=4)
    rows = listed("ijba")
    assert len(rows) == 4 + 1 + 6  # images, img/1 again with subject 2, frames of 2, 3 and 4
    assert rows["1/img/1.JPG"]["path"] == "images/img/1.jpg"  # the list's case differs
    assert rows["2/img/1.jpg"]["path"] == "images/img/1.jpg"
    frame = rows["3/frame/93_00060.png"]
    assert [frame[c] for c in ("subject_id", "media_id", "frame_index")] == ["3", "93", 60]
    assert frame["truth_box_xyxy"].tolist() == [0.5, 1.5, 3.5, 5.5]  # corner (1, 2), 3 × 4


def test_ijba_frames_lie_in_frames_although_its_lists_say_frame(tmp_path, listed):
    """As in NIST's archive of all three sets, whose readers turn ``frame/`` into ``frames/``."""
    testing.ijba(tmp_path, subjects=4)
    (tmp_path / "images/frame").rename(tmp_path / "images/frames")
    assert listed("ijba")["3/frame/93_00060.png"]["path"] == "images/frames/93_00060.png"


def test_ijba_splits_verify_and_search(tmp_path, protocols):
    testing.ijba(tmp_path, subjects=4, splits=3)
    made = protocols("ijba")
    verification, search = made["verification"], made["identification"]
    assert verification.folds() == search.folds() == [1, 2, 3]
    fold = verification.fold(2)
    pairs = [
        (p["enroll_template_id"], p["probe_template_id"], p["same"]) for p in fold.match.to_pylist()
    ]
    assert pairs == [
        ("102", "202", True),
        ("103", "203", True),
        ("104", "204", True),
        ("102", "203", False),
    ]
    two = [r for r in fold.enroll.to_pylist() if r["template_id"] == "102"]
    assert {r["sample_id"] for r in two} == {"2/img/2.jpg", "2/img/1.jpg"}
    frames = [r for r in fold.probe.to_pylist() if r["template_id"] == "203"]
    assert {r["media_id"] for r in frames} == {"93"}  # one video: pooled before the media are
    assert set(search.fold(1).probe["subject_id"].to_pylist()) == {"2", "3", "4"}
    assert set(search.fold(1).enroll["subject_id"].to_pylist()) == {"2", "3"}  # 4 is unknown
    assert search.fold(1).train["subject_id"].to_pylist() == ["1"]


def test_ijbc_verification_and_two_searches(tmp_path, listed, protocols):
    testing.ijbc(tmp_path, subjects=4)
    assert len(listed("ijbc")) == 16
    made = protocols("ijbc")
    assert set(made) == {"verification", "identification"}
    assert made["identification"].folds() == [1, 2]  # the galleries
    counts = made["verification"].counts()
    assert (counts["enroll_templates"], counts["probe_templates"]) == (4, 4)
    assert (counts["genuine"], counts["impostor"]) == (4, 4)
    assert set(made["identification"].fold(2).enroll["subject_id"].to_pylist()) == {"3", "4"}
    assert len(made["identification"].fold(2).probe) == 8  # both galleries' subjects probe
    media = {
        r["media_id"] for r in made["verification"].probe.to_pylist() if r["subject_id"] == "1"
    }
    assert media == {"901"}


def test_ijbc_metadata_without_a_subject_is_no_face(tmp_path, listed, caplog):
    testing.ijbc(tmp_path)
    with caplog.at_level("WARNING"):
        assert len(listed("ijbc")) == 16
    assert "2 lines of ijbc_metadata.csv have no subject" in caplog.text


@pytest.mark.parametrize("nobody", ["", "NaN"])
def test_a_template_without_a_subject_is_nobodys(tmp_path, listed, protocols, nobody):
    testing.ijbc(tmp_path)
    file = tmp_path / "protocols/ijbc_1N_probe_mixed.csv"
    line = file.read_text().splitlines()[1].split(",")
    put_text(file, [*file.read_text().splitlines(), ",".join(["999", nobody, *line[2:]])])
    assert len(listed("ijbc")) == 16
    probe = protocols("ijbc")["identification"].probe
    assert set(probe["subject_id"].to_pylist()) == {"1", "2", "3", "4"}


def test_ijbc_numbers_from_a_spreadsheet_are_the_same(tmp_path):
    testing.ijbc(tmp_path)
    file = tmp_path / "protocols/ijbc_1N_gallery_G1.csv"
    header, first, *_ = file.read_text().splitlines()
    put_text(
        tmp_path / "x.csv",
        [header, first.replace("1,1,img", "1.0,1.0,img\\", 1).replace("\\/", "\\")],
    )
    (found,) = sightings(tmp_path / "x.csv", COLUMNS)
    assert (found.template_id, found.subject_id, found.sample_id) == ("1", "1", "1/img/1.jpg")
    assert found.yaw_deg == 10.0


def test_ijbc_empty_yaw_and_box_are_unknown(tmp_path, listed):
    testing.ijbc(tmp_path)
    file = tmp_path / "protocols/ijbc_1N_gallery_G1.csv"
    text = (
        file.read_text()
        .replace("img/1.jpg,1,1,2,3,4,", "img/1.jpg,1,,,NaN,4,")
        .replace(",10.0,", ",,")
    )
    file.write_text(text)
    assert "truth_box_xyxy" not in listed("ijbc")["1/img/1.jpg"]
    assert math.isnan(next(iter(sightings(file, COLUMNS))).yaw_deg)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,999", "1 pairs name a template that no list of probe has, among them 999"),
        ("77,501", "1 pairs name a template that no list of enroll has, among them 77"),
        ("1,501,1", "expected two template ids in each line"),
    ],
)
def test_ijbc_faulty_comparisons_are_told(tmp_path, protocols, line, message):
    testing.ijbc(tmp_path)
    file = tmp_path / "protocols/ijbc_11_G1_G2_matches.csv"
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(ReaderError, match=message):
        protocols("ijbc")


def test_a_template_of_two_subjects_is_refused(tmp_path, protocols):
    testing.ijbc(tmp_path)
    file = tmp_path / "protocols/ijbc_1N_gallery_G1.csv"
    file.write_text(file.read_text().replace("\n2,2,img/102", "\n2,3,img/102"))
    with pytest.raises(ReaderError, match="template 2 has two subjects, 2 and 3"):
        protocols("ijbc")


def test_a_missing_column_is_named(tmp_path, listed):
    testing.ijbc(tmp_path)
    file = tmp_path / "protocols/ijbc_1N_gallery_G1.csv"
    file.write_text(file.read_text().replace("SIGHTING_ID", "SIGHTING"))
    with pytest.raises(ReaderError, match=r"expected columns \['SIGHTING_ID'\]"):
        listed("ijbc")


def test_a_file_that_is_not_there_is_listed_all_the_same(tmp_path, listed, caplog):
    testing.ijba(tmp_path)
    (tmp_path / "images/img/3.jpg").unlink()
    with caplog.at_level("WARNING"):
        assert listed("ijba")["3/img/3.jpg"]["path"] == "img/3.jpg"
    assert "1 images that the official lists name are not on disk" in caplog.text


@pytest.mark.parametrize("reader", ["ijba", "ijbb", "ijbc", "ijb_insightface"])
def test_a_wrong_root_says_what_was_looked_for(tmp_path, listed, reader):
    testing.tufts(tmp_path, subjects=1)
    with pytest.raises(ReaderError, match=r"expected .*\.(csv|txt).*found TD_"):
        listed(reader)


@pytest.mark.parametrize("older", [False, True])
def test_ijbb_has_ijbcs_protocols_by_its_own_lists(tmp_path, listed, protocols, older):
    testing.ijbb(tmp_path, subjects=4, older=older)
    rows = listed("ijbb")
    assert len(rows) == 16
    frame = rows["2/frames/2_02.png"]
    assert [frame[c] for c in ("subject_id", "media_id", "frame_index")] == ["2", "902", 2]
    assert frame["truth_box_xyxy"].tolist() == [0.5, 1.5, 3.5, 5.5]
    made = protocols("ijbb")
    counts = made["verification"].counts()
    assert (counts["enroll_templates"], counts["probe_templates"]) == (4, 4)
    assert (counts["genuine"], counts["impostor"]) == (4, 4)
    assert set(made["identification"].fold(2).enroll["subject_id"].to_pylist()) == {"3", "4"}
    assert made["identification"].description.startswith("IJB-B 1:N")


def test_an_older_ijbb_is_known_when_a_spreadsheet_has_written_its_lists_anew(tmp_path, listed):
    testing.ijbb(tmp_path, subjects=4, older=True)
    before = repr(listed("ijbb"))
    for file in tmp_path.rglob("ijbb_*.csv"):
        lines = [line.split(",") for line in file.read_text().splitlines()]
        quoted = (";".join(f'"{cell}"' for cell in cells) for cells in lines)
        file.write_text("\n".join(quoted))
    assert repr(listed("ijbb")) == before


@pytest.mark.parametrize("release", ["ijbb", "ijbc"])
def test_insightfaces_lists_are_templates_of_crops(tmp_path, listed, protocols, release):
    testing.ijb_insightface(tmp_path, subjects=4, release=release)
    rows = listed("ijb_insightface")
    assert len(rows) == 16
    row = rows["7"]  # the second subject's second template
    assert [row[c] for c in ("subject_id", "media_id", "path")] == ["2", "902", "loose_crop/7.jpg"]
    assert row["truth_landmarks_xy"].tolist() == [[2.5, 3], [5.5, 3], [4, 4], [3, 6], [5, 6]]
    made = protocols("ijb_insightface")
    counts = made["verification"].counts()
    assert (counts["enroll_templates"], counts["probe_templates"]) == (4, 4)
    assert (counts["genuine"], counts["impostor"]) == (4, 4)
    assert made["verification"].match["same"].to_pylist() == [True, False] * 4
    search = made["identification"]
    assert search.folds() == [1, 2]
    assert set(search.fold(2).enroll["template_id"].to_pylist()) == {"3", "4"}
    assert set(search.fold(2).probe["subject_id"].to_pylist()) == {"1", "2", "3", "4"}


def test_insightfaces_subjects_are_told_by_the_pairs_alone(tmp_path, listed, protocols):
    testing.ijb_insightface(tmp_path, subjects=4, search=False)
    assert set(protocols("ijb_insightface")) == {"verification"}
    of = {row["media_id"]: row["subject_id"] for row in listed("ijb_insightface").values()}
    assert of["11"] == of["21"] == of["901"] == "template 1"
    assert len(set(of.values())) == 4


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("face_tid_mid", "17.jpg 5", "line 17: expected '<crop> <template> <media>', found '17"),
        ("face_tid_mid", "3.jpg 5 6", "line 17: '3.jpg' is already in line 3"),
        ("name_5pts_score", "17.jpg 1 2", "line 17: expected '<crop> x1 y1 … x5 y5 <score>'"),
        ("name_5pts_score", "1.jpg" + " nan" * 11, "line 17: expected '<crop> x1 y1"),
        ("template_pair_label", "1 502 2", "expected the label 0 or 1, found another in 1 lines"),
        ("template_pair_label", "1 502", "expected '<template> <template> <0 or 1>'"),
        ("template_pair_label", "1 777 0", "1 templates have no face in the list of faces, among"),
    ],
)
def test_insightfaces_faulty_lists_are_told(tmp_path, protocols, name, line, message):
    testing.ijb_insightface(tmp_path)
    file = tmp_path / f"meta/ijbc_{name}.txt"
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(ReaderError, match=f"ijbc_{name}.txt.*{message}"):
        protocols("ijb_insightface")


def test_insightfaces_two_releases_below_one_root_are_refused(tmp_path, listed):
    testing.ijb_insightface(tmp_path / "IJBB", release="ijbb")
    testing.ijb_insightface(tmp_path / "IJBC")
    with pytest.raises(ReaderError, match=r"expected the lists of IJB-B or of IJB-C .* found both"):
        listed("ijb_insightface")


def test_ijba_compares_the_templates_that_its_comparisons_name(tmp_path, protocols):
    testing.ijba(tmp_path, subjects=4)
    fold = protocols("ijba")["verification"].fold(1)
    assert set(fold.enroll["template_id"].to_pylist()) == {"102", "103", "104"}
    assert set(fold.probe["template_id"].to_pylist()) == {"202", "203", "204"}
    assert len(fold.enroll) == 4  # a template of two images, as bob.db.ijba counts them


def test_crops_have_the_subjects_of_lists_whose_numbers_a_spreadsheet_made_floats(tmp_path, listed):
    testing.ijb_insightface(tmp_path)
    expected = {name: row["subject_id"] for name, row in listed("ijb_insightface").items()}
    for file in tmp_path.glob("meta/*.csv"):
        header, *lines = (line.split(",") for line in file.read_text().splitlines())
        lines = [[f"{line[0]}.0", f"{line[1]}.0", *line[2:]] for line in lines]
        put_text(file, [",".join(line) for line in (header, *lines)])
    assert {n: r["subject_id"] for n, r in listed("ijb_insightface").items()} == expected
    assert set(expected.values()) == {"1", "2", "3", "4"}


def test_a_crops_template_of_nobody_or_of_two_subjects_is_no_subjects(tmp_path, listed):
    testing.ijb_insightface(tmp_path)
    file = tmp_path / "meta/ijbc_1N_gallery_G1.csv"
    text = file.read_text()
    file.write_text(text.replace("\n1,1,", "\n1,nan,"))
    assert "subject_id" not in listed("ijb_insightface")["1"]
    file.write_text(text + "1,2,img/1.jpg,11\n")
    with pytest.raises(ReaderError, match="template 1 has two subjects, 1 and 2"):
        listed("ijb_insightface")


@pytest.mark.parametrize("number", ["inf", "1e999", "-inf"])
def test_a_frame_number_without_an_end_is_none(tmp_path, listed, number):
    testing.ijba(tmp_path, subjects=4, splits=1)
    for file in tmp_path.rglob("*.csv"):
        file.write_text(
            re.sub(r",(30|60)(?=,|$)", f",{number}", file.read_text(), flags=re.MULTILINE)
        )
    assert {row.get("frame_index") for row in listed("ijba").values()} == {None}


def test_frames_that_were_stored_anew_with_another_extension_are_found(tmp_path, listed, caplog):
    testing.ijbc(tmp_path)
    before = listed("ijbc")
    frames = sorted(tmp_path.rglob("frames/*.png"))
    for frame in frames:
        frame.rename(frame.with_suffix(".JPG"))
    caplog.clear()
    now = listed("ijbc")
    assert "not on disk" not in caplog.text
    assert now.keys() == before.keys()
    moved = [row["path"] for name, row in now.items() if row["path"] != before[name]["path"]]
    assert moved
    assert all(path.endswith(".JPG") and (tmp_path / path).is_file() for path in moved)


def test_a_missing_frame_is_never_another_one_of_its_stem(tmp_path, listed, caplog):
    testing.ijbc(tmp_path)
    gone, *others = sorted(tmp_path.rglob("frames/*.png"))
    gone.rename(gone.with_suffix(".jpg"))
    assert others
    listed("ijbc")
    assert f"are not on disk, among them frames/{gone.name}" in caplog.text
