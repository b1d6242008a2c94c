"""Readers of the open thermal face sets on replicas of their layouts."""

import shutil

import numpy as np
import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers import list_dataset, read_dataset
from pipeline.readers.bob_lists import Stems
from pipeline.readers.sf_tl54 import five_of, read_labels
from pipeline.readers.speaking_faces import name_of
from pipeline.testing.images import put_image, put_text
from pipeline.testing.thermal import FACE

READERS = ["tfw", "sf_tl54", "speaking_faces", "mcxface", "arl_vtf"]


def by(rows, *columns):
    return sorted({tuple(row.get(column) for column in columns) for row in rows.values()}, key=str)


def test_tfw_a_sample_is_a_face_in_an_image(tmp_path, listed):
    testing.tfw(tmp_path)
    rows = listed("tfw")
    assert len(rows) == 3 * 2 * (1 + 1 + 2)
    assert len({row["media_id"] for row in rows.values()}) == 18
    first = rows["train/c-indoor/1_1_1_4_450_1/01"]
    assert (first["subject_id"], first["band"], first["split"]) == ("1", "LWIR", "train")
    assert first["path"] == "train/c-indoor_gray/1_1_1_4_450_1.png"
    # whole pixels: the box reaches from the corner of one to that of the other
    assert first["truth_box_xyxy"].tolist() == [99.5, 49.5, 179.5, 159.5]
    assert first["truth_landmarks_xy"].tolist() == np.reshape(FACE[4:], (5, 2)).tolist()
    one, two = (rows[f"test/u-outdoor/2000/{n:02d}"] for n in (1, 2))
    assert one["path"] == two["path"]
    assert "subject_id" not in one  # nobody says who is outdoors
    assert (two["truth_box_xyxy"] - one["truth_box_xyxy"]).tolist() == [200] * 4


@pytest.mark.parametrize("release", ["gray", "first"])
def test_tfw_takes_grey_before_false_colours_and_the_first_release(tmp_path, listed, release):
    testing.tfw(tmp_path, release=release, iron=release == "gray")
    paths = {row["path"] for row in listed("tfw").values()}
    assert all(("_gray/" in path) == (release == "gray") for path in paths)
    assert len(paths) == (18 if release == "gray" else 12)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["image,x", "a.png,1,2,3"], r"c-indoor\.csv, line 2: expected an image, four numbers"),
        (["image,x", "a.png," + ",".join(["x"] + ["1"] * 13)], "line 2: expected an image"),
        (["image,x"], "expected a line for each face, found none"),
    ],
)
def test_tfw_a_faulty_list_is_told_with_its_line(tmp_path, listed, lines, message):
    testing.tfw(tmp_path)
    put_text(tmp_path / "val/c-indoor.csv", lines)
    with pytest.raises(ReaderError, match=message):
        listed("tfw")


def test_tfw_a_reversed_box_is_no_truth_and_a_missing_image_is_told(tmp_path, listed, caplog):
    testing.tfw(tmp_path)
    numbers = ",".join(map(str, (180, 160, 100, 50, *FACE[4:])))
    put_text(tmp_path / "val/s-indoor.csv", [f"1000.png,{numbers}", f"gone.png,{numbers}"])
    rows = listed("tfw")
    assert "truth_box_xyxy" not in rows["val/s-indoor/1000/01"]
    assert "2 faces have an empty box" in caplog.text
    assert "1 images that the official lists name are not on disk" in caplog.text


def test_sf_tl54_pairs_have_one_shot_and_the_heat_has_points(tmp_path, listed):
    testing.sf_tl54(tmp_path)
    rows = listed("sf_tl54")
    assert by(rows, "subject_id", "split") == [
        ("1", "train"),
        ("101", "validation"),
        ("121", "test"),
    ]
    assert len(rows) == 3 * 2 * 2
    heat, seen = rows["001/1_1_4_450.LWIR"], rows["001/1_1_4_450.VIS"]
    assert heat["path"] == "dataset/gray/train/images/1_1_1_4_450_1.png"
    assert seen["path"] == "dataset/rgb/train/1_1_1_4_450_3.png"
    assert heat["session_id"] == seen["session_id"] == "trial_1"
    assert "truth_landmarks_xy" not in seen
    assert heat["truth_box_xyxy"].tolist() == [10, 20, 110, 140]
    # points 36–41 and 42–47 lie at 20 + n, 10 + 2 n; so do 30, 48 and 50
    assert heat["truth_landmarks_xy"].tolist() == [
        [58.5, 87.0],
        [64.5, 99.0],
        [50, 70],
        [68, 106],
        [70, 110],
    ]


def test_sf_tl54_reads_false_colours_where_there_is_nothing_else(tmp_path, listed):
    testing.sf_tl54(tmp_path)
    for path in list((tmp_path / "dataset/gray").rglob("*.png")):
        path.unlink()
    paths = {row["path"] for row in listed("sf_tl54").values() if row["band"] == "LWIR"}
    assert len(paths) == 6
    assert all(path.startswith("dataset/iron/") for path in paths)


def test_sf_tl54_points_that_are_missing_are_no_truth(tmp_path, listed, caplog):
    testing.sf_tl54(tmp_path)
    label = tmp_path / "dataset/gray/train/json/1_1_1_4_450_1.json"
    label.write_text('{"shapes": [{"label": "face", "points": [[9, 8], [1, 2]]}]}')
    row = listed("sf_tl54")["001/1_1_4_450.LWIR"]
    assert row["truth_box_xyxy"].tolist() == [0.5, 1.5, 8.5, 7.5]  # corners in any order
    assert "truth_landmarks_xy" not in row
    assert "1 thermal images have no box or no 54 points" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", '{"shapes": [{"label": "face"}]}', '{"shapes": 3}'])
def test_sf_tl54_a_faulty_file_of_points_is_named(tmp_path, listed, text):
    testing.sf_tl54(tmp_path)
    (tmp_path / "dataset/gray/train/json/1_1_1_4_450_1.json").write_text(text)
    with pytest.raises(ReaderError, match=r"1_1_1_4_450_1\.json: expected labelme's shapes"):
        listed("sf_tl54")


def test_sf_tl54_all_54_points_can_be_had(tmp_path):
    testing.sf_tl54(tmp_path)
    _, points = read_labels(tmp_path / "dataset/gray/train/json/1_1_1_4_450_1.json")
    assert points.shape == (54, 2)
    assert points[7].tolist() == [27, 24]
    assert five_of(points).shape == (5, 2)


def test_names_of_speaking_faces():
    assert name_of("x/103_1_1_4_450_1") == (103, 1, 1, 4, None, 450, 1)
    assert name_of("103_2_2_9_297_900_3") == (103, 2, 2, 9, 297, 900, 3)
    assert name_of("3312") is None
    assert name_of("103_3_1_4_450_1") is None  # there are two trials


def test_speaking_faces_takes_heat_and_what_is_aligned_to_it(tmp_path, listed):
    testing.speaking_faces(tmp_path)
    rows = listed("speaking_faces")
    assert len(rows) == 3 * 2 * 4 * 2
    assert {path.rpartition("_")[2] for path in (r["path"] for r in rows.values())} == {
        "1.png",
        "3.png",
    }
    heat, seen = (rows[f"101/2_2_4_17_2.{band}"] for band in ("LWIR", "VIS"))
    for row in (heat, seen):
        assert (row["subject_id"], row["split"], row["session_id"]) == (
            "101",
            "validation",
            "trial_2",
        )
        assert (row["media_id"], row["frame_index"]) == ("101/2_2_4_17", 1)


def test_speaking_faces_takes_images_as_taken_where_none_is_aligned(tmp_path, listed):
    testing.speaking_faces(tmp_path, subjects=(1,))
    for path in list(tmp_path.rglob("*_3.png")):
        path.unlink()
    rows = listed("speaking_faces")
    assert sorted(row["band"] for row in rows.values()) == ["LWIR"] * 8 + ["VIS"] * 8


def test_mcxface_channels_are_those_of_the_lists(tmp_path, listed):
    testing.mcxface(tmp_path)
    rows = listed("mcxface")
    assert len(rows) == 4 * 2 * 2  # depth is no band
    assert by(rows, "band", "camera_id") == [("LWIR", "thermal"), ("VIS", "color")]
    row = rows["faces/thermal/03_2"]
    assert (row["path"], row["subject_id"]) == ("MCXFace/faces/thermal/03_2.jpg", "003")
    assert row["truth_landmarks_xy"][:2].tolist() == [[2, 3], [5, 3]]  # the subject's right first


def test_mcxface_splits_are_folds(tmp_path, protocols):
    testing.mcxface(tmp_path)
    made = protocols("mcxface")
    assert sorted(made) == ["color_color", "color_thermal", "thermal_thermal"]
    protocol = made["color_thermal"]
    assert protocol.folds() == [1, 2]
    first = protocol.fold(1)
    assert first.enroll["sample_id"].to_pylist() == ["faces/color/03_1", "faces/color/04_1"]
    assert first.enroll["template_id"].to_pylist() == ["003", "004"]
    assert first.probe["sample_id"].to_pylist() == ["faces/thermal/03_2", "faces/thermal/04_2"]
    assert set(first.train["subject_id"].to_pylist()) == {"001", "002"}


def test_mcxface_lists_that_contradict_each_other_are_told(tmp_path, listed):
    testing.mcxface(tmp_path)
    file = tmp_path / "protocols/COLOR-COLOR-split1/dev/for_models.csv"
    file.write_text("PATH,REFERENCE_ID\nfaces/thermal/03_1,003\n")
    with pytest.raises(
        ReaderError, match=r"faces/thermal/03_1 is \w+ of 003 in .*, and \w+ of 003"
    ):
        listed("mcxface")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FILE,REFERENCE_ID\na,1\n", "expected columns \\['path'\\]"),
        ("PATH,REFERENCE_ID\n", "found the header alone"),
    ],
)
def test_mcxface_a_faulty_list_is_named(tmp_path, listed, text, message):
    testing.mcxface(tmp_path)
    (tmp_path / "protocols/COLOR-COLOR-split1/dev/for_models.csv").write_text(text)
    with pytest.raises(ReaderError, match=rf"for_models\.csv: .*{message}"):
        listed("mcxface")


def test_tufts_has_the_protocols_that_lie_beside_it(tmp_path, protocols):
    testing.tufts(tmp_path)
    assert protocols("tufts") == {}
    testing.tufts_lists(tmp_path)
    (protocol,) = protocols("tufts").values()
    assert (protocol.name, protocol.folds()) == ("vis_thermal", [1])
    assert protocol.enroll["sample_id"].to_pylist() == ["RGB_E/002/01"]
    assert protocol.enroll["template_id"].to_pylist() == ["2"]
    assert protocol.probe["sample_id"].to_pylist() == ["IR_E/002/01", "IR_E/002/02"]
    assert protocol.train["subject_id"].to_pylist() == ["1", "1"]


def test_stems_mean_one_image_or_none():
    stems = Stems(["a/x/1.jpg", "b/x/1.jpg", "b/y/2.png"])
    assert stems.path_of("y/2") == "b/y/2.png"
    assert stems.path_of("a/x/1") == "a/x/1.jpg"
    assert stems.path_of("x/1") is None
    assert stems.path_of("z/2") is None


def test_arl_vtf_is_read_from_one_of_its_folders(tmp_path, listed, protocols):
    testing.arl_vtf(tmp_path)
    rows = listed("arl_vtf")
    assert len(rows) == 4 * 3 * 2 * 2
    assert all(row["path"].startswith("cropped_images/") for row in rows.values())
    assert by(rows, "subject_id", "split") == [
        ("0001", "train"),
        ("0002", "test"),
        ("0003", "validation"),
        ("0004", "test"),
    ]
    assert by(rows, "band", "camera_id") == [("LWIR", "FLIR_USB"), ("VIS", "BAS_RGB2")]
    made = protocols("arl_vtf")
    assert sorted(made) == ["baseline", "expression", "pose"]
    pose = made["pose"]
    assert set(pose.enroll["template_id"].to_pylist()) == {"0002", "0004"}
    assert all("baseline_0/BAS" in i for i in pose.enroll["sample_id"].to_pylist())
    assert all("pose_0/FLIR" in i for i in pose.probe["sample_id"].to_pylist())
    assert set(pose.train["subject_id"].to_pylist()) == {"0001"}


def test_arl_vtf_resampled_copies_are_not_read_before_the_crops(tmp_path, listed, caplog):
    for folder in ("cropped_images", "16_bicubic"):
        put_image(tmp_path / f"Odin3/{folder}/dev/0001/baseline_0/FLIR_USB_0000.png")
    put_text(tmp_path / "splits/dev/val0.txt", ["1"])  # not as its folder is called
    with caplog.at_level("INFO"):
        (row,) = listed("arl_vtf").values()
    assert row["path"].startswith("Odin3/cropped_images/")
    assert "images in Odin3/16_bicubic/ are left out" in caplog.text
    assert "val0.txt: 1 lines name subjects that are not on disk, among them '1'" in caplog.text


@pytest.mark.parametrize("reader", READERS)
def test_a_wrong_root_says_what_was_looked_for_and_what_is_there(tmp_path, listed, reader):
    put_image(tmp_path / "holiday/beach.jpg")
    with pytest.raises(ReaderError, match=r"found holiday/; correct datasets\.mine\.root"):
        listed(reader)


@pytest.mark.parametrize("reader", READERS)
def test_a_copy_is_listed_the_same_one_folder_deeper(tmp_path, reader):
    getattr(testing, reader)(tmp_path / "one")
    getattr(testing, reader)(tmp_path / "two/unpacked")
    found = []
    for root in ("one", "two"):
        params = DatasetParams(reader=reader, root=str(tmp_path / root), shards=1)
        rows = read_dataset("mine", params).rows
        found.append(sorted((row["sample_id"], row["band"], row.get("split")) for row in rows))
        assert list_dataset("mine", params).count == 1
    assert found[0] == found[1]


@pytest.mark.parametrize("other", ["VIS_THERMAL-split2", "VIS-THERMAL", "VIS-THERMAL_-split2"])
def test_tufts_lists_that_would_be_one_protocol_are_told_apart(tmp_path, protocols, other):
    testing.tufts(tmp_path)
    testing.tufts_lists(tmp_path)
    (folder,) = {path.parent.parent for path in tmp_path.rglob("dev/for_models.csv")}
    shutil.copytree(folder, folder.with_name(other))
    if other == "VIS-THERMAL_-split2":
        assert sorted(protocols("tufts")) == ["vis_thermal", "vis_thermal_"]
        return
    with pytest.raises(ReaderError, match=r"of 'vis-thermal' both give .*: rename one"):
        protocols("tufts")


def test_a_point_of_more_digits_than_a_coordinate_has_is_told(tmp_path):
    file = tmp_path / "x.json"
    file.write_text('{"shapes": [{"label": "eye", "points": [[1%s, 1]]}]}' % ("0" * 400))
    with pytest.raises(ReaderError, match=r"x\.json: expected labelme's shapes"):
        read_labels(file)
