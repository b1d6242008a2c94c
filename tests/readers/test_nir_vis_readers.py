"""Readers of the NIR-VIS sets on their replicas: exact counts, columns, bad input."""

from collections import Counter
from pathlib import Path

import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.readers import splits
from pipeline.readers.boxes import box_of_corner
from pipeline.readers.splits import BUILTIN, load_split
from pipeline.testing.images import put_image, put_text

SPLITS = Path(splits.__file__).parent


def by(rows, *columns):
    return Counter(tuple(row.get(column) for column in columns) for row in rows.values())


@pytest.mark.parametrize("cropped", [False, True])
def test_casia_has_the_same_ids_in_both_releases(tmp_path, listed, cropped):
    testing.casia_nir_vis2(tmp_path, cropped=cropped)
    rows = listed("casia_nir_vis2")
    assert by(rows, "band") == {("VIS",): 8, ("NIR",): 8}
    row = rows["s2/NIR/00002/001"]
    columns = ("subject_id", "session_id", "band", "region")
    region = "face" if cropped else "scene"
    assert [row[c] for c in columns] == ["00002", "s2", "NIR", region]
    assert row["path"].endswith(".bmp")  # the lists say .jpg
    assert "split" not in row  # each fold trains on its own


def test_casia_lies_a_folder_deeper_in_the_archive(tmp_path, listed):
    testing.casia_nir_vis2(tmp_path / "NIR-VIS-2.0")
    assert len(listed("casia_nir_vis2")) == 16


def test_casia_crops_lie_beside_the_raw_images_or_alone(tmp_path, listed):
    r"""As public code finds them: the list's ``s2\NIR\10117\016`` is ``s2/NIR_128x128/10117/016``.

    https://github.com/stephenkung/NIR_VIS_Face_Recognition, extract_features.py, ``revise_name``.
    """
    put_text(tmp_path / "protocols/nir_probe_1.txt", [r"s2\NIR\10117\016.jpg"], "\r\n")
    put_image(tmp_path / "s2/NIR_128x128/10117/016.bmp", grey=True)
    row = listed("casia_nir_vis2")["s2/NIR/10117/016"]
    assert (row["path"], row["region"]) == ("s2/NIR_128x128/10117/016.bmp", "face")
    put_image(tmp_path / "s2/NIR/10117/016.bmp", grey=True)
    (row,) = listed("casia_nir_vis2").values()
    assert (row["path"], row["region"]) == ("s2/NIR/10117/016.bmp", "scene")


def test_casia_lists_are_not_those_of_hfb_that_lie_beside_them(tmp_path, protocols):
    r"""Public code reads ``CASIA NIR-VIS 2.0\HFB-Supplemental-Protocol\HFB_protocols``, too."""
    testing.casia_nir_vis2(tmp_path / "NIR-VIS-2.0")
    hfb = tmp_path / "HFB-Supplemental-Protocol/HFB_protocols"
    for file in (tmp_path / "NIR-VIS-2.0/protocols").iterdir():
        put_text(hfb / file.name, [f"s1\\{file.name[:3].upper()}\\00001\\001.jpg"], "\r\n")
    assert len(protocols("casia_nir_vis2")["view2"].fold(1).probe) == 4


def test_lists_of_ones_own_beside_the_official_ones_are_told(tmp_path, protocols, caplog):
    """As in public code that keeps ``MyProtocols`` beside ``protocols``."""
    testing.casia_nir_vis2(tmp_path)
    protocols("casia_nir_vis2")
    assert "of the same name" not in caplog.text
    put_text(tmp_path / "MyProtocols/nir_train_1.txt", [r"s1\NIR\00001\001.jpg"], "\r\n")
    protocols("casia_nir_vis2")
    told = "MyProtocols/nir_train_1.txt is read, and protocols/nir_train_1.txt of the same name"
    assert told in caplog.text


def test_casia_eyes_become_five_points(tmp_path, listed):
    testing.casia_nir_vis2(tmp_path)
    points = listed("casia_nir_vis2")["s1/VIS/00001/001"]["truth_landmarks_xy"]
    assert points[:2].tolist() == [[3, 3], [5, 3]]
    assert points[2:, 1].min() > 3  # nose and mouth below the eyes
    assert points[3, 0] < 4 < points[4, 0]
    box = listed("casia_nir_vis2")["s1/VIS/00001/001"]["truth_box_xyxy"]
    assert (box[:2] < points.min(0)).all()
    assert (box[2:] > points.max(0)).all()


def test_casia_eyes_of_raw_images_are_none_of_their_crops(tmp_path, listed):
    testing.casia_nir_vis2(tmp_path, cropped=True)
    put_text(tmp_path / "annotations/s1/VIS/00001/001.pos", ["273 248 362 251"])  # of 640 × 480
    put_text(tmp_path / "annotations/s2_VIS_00002_001.pos", ["3 3 5 3"])
    rows = listed("casia_nir_vis2")
    assert "truth_landmarks_xy" not in rows["s1/VIS/00001/001"]
    assert rows["s2/VIS/00002/001"]["truth_landmarks_xy"][1].tolist() == [5, 3]


def test_casia_eyes_in_any_order_and_text_form(tmp_path, listed):
    testing.casia_nir_vis2(tmp_path)
    put_text(tmp_path / "annotations/s1/VIS/00001/001.pos", ["5, 3, 3, 3"])
    put_text(tmp_path / "s2/VIS/00002/002.txt", ["2.5\t4", "6.5\t4"])
    put_text(tmp_path / "s2/VIS/00002/001.txt", ["no eyes"])
    rows = listed("casia_nir_vis2")
    assert rows["s1/VIS/00001/001"]["truth_landmarks_xy"][:2].tolist() == [[3, 3], [5, 3]]
    assert rows["s2/VIS/00002/002"]["truth_landmarks_xy"][1].tolist() == [6.5, 4]


def test_casia_views_are_the_lists(tmp_path, protocols):
    testing.casia_nir_vis2(tmp_path, subjects=6, each=3, folds=10)
    made = protocols("casia_nir_vis2")
    assert set(made) == {"view1", "view2"}
    assert made["view2"].folds() == list(range(1, 11))
    for protocol in (made["view1"], made["view2"].fold(10)):
        assert (len(protocol.enroll), len(protocol.probe), len(protocol.train)) == (3, 9, 18)
        assert set(protocol.enroll["sample_id"].to_pylist()) == {
            f"s{1 + (s - 1) % 4}/VIS/{s:05d}/001" for s in (2, 4, 6)
        }
        assert protocol.match is None
    assert len(made["view2"].probe) == 90


def test_casia_image_missing_on_disk_is_listed_and_ingest_rejects_it(tmp_path, listed, caplog):
    testing.casia_nir_vis2(tmp_path)
    (tmp_path / "s2/NIR/00002/002.bmp").unlink()
    with caplog.at_level("WARNING"):
        rows = listed("casia_nir_vis2")
    assert len(rows) == 16
    assert "1 images that the official lists name are not on disk" in caplog.text


def test_casia_subject_missing_on_disk_stays_in_the_protocol(tmp_path, listed, protocols):
    testing.casia_nir_vis2(tmp_path)
    for number in (1, 2):
        (tmp_path / f"s2/NIR/00002/{number:03d}.bmp").unlink()
        (tmp_path / f"s2/VIS/00002/{number:03d}.jpg").unlink()
    assert listed("casia_nir_vis2")["s2/VIS/00002/001"]["subject_id"] == "00002"
    assert set(protocols("casia_nir_vis2")["view1"].probe["subject_id"].to_pylist()) == {
        "00002",
        "00004",
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (r"s2\NIR\00002\001.jpg", r"nir_probe_1\.txt, line 5: .* is already in line 1"),
        (r"s2\NIR\00002\001.bmp", "is already in line 1"),  # another extension, same image
        ("00002/001.jpg", r"line 5: expected a path like s1"),
    ],
)
def test_casia_faulty_lists_are_told_by_line(tmp_path, listed, line, message):
    testing.casia_nir_vis2(tmp_path)
    file = tmp_path / "protocols/nir_probe_1.txt"
    file.write_bytes(file.read_bytes() + line.encode() + b"\r\n")
    with pytest.raises(ReaderError, match=message):
        listed("casia_nir_vis2")


def test_one_image_in_two_formats_is_refused(tmp_path, listed):
    testing.casia_nir_vis2(tmp_path)
    put_image(tmp_path / "s1/VIS/00001/001.png")
    with pytest.raises(ReaderError, match=r"occur twice: s1/VIS/00001/001 \(.*jpg and .*png\)"):
        listed("casia_nir_vis2")


@pytest.mark.parametrize("name", ["{}/NIR/{}/{}.bmp", "NIR/{}_NIR_{}_{}.bmp"])
def test_casia_images_called_01_b_are_those_of_the_lists(tmp_path, listed, name):
    """As subjects 10115, 10192 and 10306 have them in the official lists, some beside 001."""
    for image in ("001", "01-B", "20-B"):
        put_image(tmp_path / name.format("s2", "10115", image))
    put_image(tmp_path / name.format("s2", "10115", "copy of 001"))  # nobody's
    lines = [rf"s2\NIR\10115\{image}.bmp" for image in ("001", "01-B", "20-B")]
    put_text(tmp_path / "protocols/nir_train_1.txt", lines)
    rows = listed("casia_nir_vis2")
    assert set(rows) == {f"s2/NIR/10115/{image}" for image in ("001", "01-B", "20-B")}
    assert all((tmp_path / row["path"]).is_file() for row in rows.values())


@pytest.mark.parametrize("by_band", [False, True])
def test_buaa_has_nine_pairs_of_150_subjects_and_a_seeded_split(tmp_path, listed, by_band):
    testing.buaa_visnir(tmp_path, by_band=by_band)
    rows = listed("buaa_visnir")
    assert by(rows, "band", "split") == {
        ("VIS", "train"): 450,
        ("NIR", "train"): 450,
        ("VIS", "test"): 900,
        ("NIR", "test"): 900,
    }
    assert len({row["subject_id"] for row in rows.values()}) == 150


def test_buaa_takes_the_nine_pairs_that_each_subject_has(tmp_path, listed):
    """Images of subjects 2 and 3 as https://github.com/yoqim/PR-HFR lists them for tests."""
    of_two, of_three = "2 4 6 8 10 22 24 26 28", "2 4 6 8 10 12 14 16 18 22 24 26 28"
    for subject, numbers in ((2, of_two), (3, of_three)):
        for number in map(int, numbers.split()):
            put_image(tmp_path / f"{subject}/{number}.bmp", grey=True)
            put_image(tmp_path / f"{subject}/{number - 1}.bmp")
    expected = {f"{n:02d}" for n in (*range(1, 11), *range(21, 29))}
    found = listed("buaa_visnir")
    for subject in ("002", "003"):
        assert {i.rpartition("/")[2] for i in found if i.startswith(subject)} == expected
    testing.buaa_visnir(tmp_path, subjects=2, numbers=range(1, 41))
    assert len(listed("buaa_visnir")) == 3 * 18


def test_buaa_enrols_one_image_each(buaa, protocols):
    (protocol,) = protocols("buaa_visnir").values()
    assert protocol.name == "50_100_v1"
    assert (len(protocol.enroll), len(protocol.probe), len(protocol.train)) == (100, 900, 900)
    assert {i.rpartition("/")[2] for i in protocol.enroll["sample_id"].to_pylist()} == {"01"}


def test_oulu_takes_eight_frames_of_each_expression_in_strong_light(tmp_path, listed, protocols):
    subjects = tuple(sorted(load_split(SPLITS / "oulu_casia_nirvis_v1.csv")))
    testing.oulu_casia_nirvis(tmp_path, subjects=subjects, expressions=("Anger", "Fear"))
    rows = listed("oulu_casia_nirvis")
    assert by(rows, "band", "session_id") == {
        (band, light): 40 * 2 * 9 for band in ("VIS", "NIR") for light in ("Dark", "Strong")
    }
    row = rows["VL/Strong/P006/Fear/003"]
    columns = ("subject_id", "expression", "frame_index", "media_id", "split")
    assert [row[c] for c in columns] == ["P006", "fear", 3, "VL/Strong/P006/Fear", "test"]
    (protocol,) = protocols("oulu_casia_nirvis").values()
    assert (len(protocol.enroll), len(protocol.probe)) == (20 * 2 * 8, 20 * 2 * 8)
    frames = {i.rpartition("/")[2] for i in protocol.probe["sample_id"].to_pylist()}
    assert frames == {f"{n:03d}" for n in (0, 1, 2, 3, 5, 6, 7, 8)}


def test_oulu_flat_names_are_the_same_frames(tmp_path, listed):
    for frame in range(2):
        put_image(tmp_path / f"NI_Strong_P001_Disgust_{frame:03d}.jpeg")
    assert set(listed("oulu_casia_nirvis")) == {f"NI/Strong/P001/Disgust/{n:03d}" for n in (0, 1)}


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_split_files_are_what_was_drawn(name):
    assert load_split(SPLITS / f"{name}.csv") == BUILTIN[name]()


def test_the_oulu_split_has_the_published_shares():
    split = load_split(SPLITS / "oulu_casia_nirvis_v1.csv")
    of_oulu = Counter(split[subject] for subject in split if subject <= "P050")
    assert of_oulu == {"train": 5, "test": 5}
    assert Counter(split.values()) == {"train": 20, "test": 20}
    assert Counter(load_split(SPLITS / "buaa_visnir_v1.csv").values()) == {"train": 50, "test": 100}


def test_tufts_bands_and_expressions(tmp_path, listed):
    testing.tufts(tmp_path, subjects=2)
    rows = listed("tufts")
    assert by(rows, "band", "session_id") == {
        ("VIS", "E"): 10,
        ("VIS", "A"): 18,
        ("NIR", "A"): 18,
        ("LWIR", "E"): 10,
    }
    assert rows["IR_E/002/05"]["expression"] == "sunglasses"
    assert "expression" not in rows["NIR_A/002/05"]


def test_tufts_four_cameras_at_one_place_are_four_images(tmp_path, listed):
    """As lists of the real copy name them; places count from 0."""
    for name in ("TD_RGB_A/54/TD_RGB_A_1_0", "TD_RGB_A/54/TD_RGB_A_4_0", "TD_IR_A/54/TD_IR_A_0"):
        put_image(tmp_path / f"{name}.jpg")
    found = {name: row["camera_id"] for name, row in listed("tufts").items()}
    assert found == {"RGB_A/054/1_00": "RGB_1", "RGB_A/054/4_00": "RGB_4", "IR_A/054/00": "IR"}


def test_a_subject_of_tufts_is_one_with_and_without_zeros(tmp_path, listed):
    testing.tufts(tmp_path, subjects=1)
    thermal = tmp_path / "TD_IR_E_Set1"
    (thermal / "1").rename(thermal / "001")
    rows = listed("tufts").values()
    assert {row["subject_id"] for row in rows} == {"1"}
    assert {row["sample_id"].split("/")[1] for row in rows} == {"001"}


def test_lamp_takes_subjects_from_paths_and_folds_from_lists(tmp_path, listed, protocols):
    testing.lamp_hq(tmp_path, subjects=4, each=3, folds=10)
    rows = listed("lamp_hq")
    assert by(rows, "band") == {("VIS",): 12, ("NIR",): 12}
    protocol = protocols("lamp_hq")["ten_folds"]
    assert protocol.folds() == list(range(1, 11))
    fold = protocol.fold(3)
    assert (len(fold.enroll), len(fold.probe), len(fold.train)) == (6, 6, 12)
    assert set(fold.probe["subject_id"].to_pylist()) == {"0002", "0004"}


@pytest.mark.parametrize("folders", [False, True])
def test_lamp_takes_flat_names_as_its_lists_have_them(tmp_path, listed, protocols, folders):
    """Lines as public copies of the lists hold them, with or without folders on the disk."""
    lists = {
        "train/train_vis1": ["VIS/VIS_FP0002_1_a.jpg FP0002", "VIS/VIS_FP0002_1_b.jpg FP0002"],
        "train/train_nir1": ["NIR/NIR_FP0002_1_LEFT_a.jpg FP0002"],
        "test/gallery_vis1": ["VIS/VIS_P0569_1_a.jpg P0569", "VIS/VIS_P0002_1_a.jpg P0002"],
        "test/probe_nir1": ["NIR/NIR_P0569_2_LEFT_c.jpg P0569", "NIR/NIR_P0569_2_UP_c.jpg P0569"],
    }
    for name, lines in lists.items():
        put_text(tmp_path / f"Protocol/{name}.txt", lines)
        for path, subject in map(str.split, lines):
            band, _, image = path.partition("/")
            put_image(tmp_path / (f"{band}/{subject}/{image}" if folders else path))
    rows = listed("lamp_hq")
    assert by(rows, "band", "subject_id") == {
        ("VIS", "FP0002"): 2,
        ("NIR", "FP0002"): 1,
        ("VIS", "P0569"): 1,
        ("VIS", "P0002"): 1,
        ("NIR", "P0569"): 2,
    }
    assert all((tmp_path / row["path"]).is_file() for row in rows.values())
    fold = protocols("lamp_hq")["ten_folds"].fold(1)
    assert (len(fold.enroll), len(fold.probe), len(fold.train)) == (2, 2, 3)


@pytest.mark.parametrize(
    "reader", ["casia_nir_vis2", "buaa_visnir", "oulu_casia_nirvis", "tufts", "lamp_hq"]
)
def test_a_wrong_root_says_what_was_looked_for_and_what_is_there(tmp_path, listed, reader):
    put_text(tmp_path / "papers/readme.md", ["hello"])
    put_text(tmp_path / "papers/more.md", ["hello"])
    with pytest.raises(ReaderError, match=r"expected .*<.*found papers/ \(2 files\)"):
        listed(reader)
    with pytest.raises(ReaderError, match=r"found nothing; correct datasets\.mine\.root"):
        listed(reader, tmp_path / "nowhere")


def test_replicas_are_the_same_in_each_run(tmp_path):
    for name in ("a", "b"):
        testing.tufts(tmp_path / name / "x", subjects=1)
    one, other = (
        [p.read_bytes() for p in sorted((tmp_path / name).rglob("*.jpg"))] for name in ("a", "b")
    )
    assert one == other
    assert len(set(one)) == len(one)  # and no two images alike


def test_a_frame_whose_number_is_a_time_has_no_index(tmp_path, listed):
    put_image(tmp_path / "NI/Strong/P001/Anger/20231124123000.jpeg")
    put_image(tmp_path / "NI/Strong/P001/Anger/004.jpeg")
    frames = {name: row.get("frame_index") for name, row in listed("oulu_casia_nirvis").items()}
    assert frames == {"NI/Strong/P001/Anger/20231124123000": None, "NI/Strong/P001/Anger/004": 4}


@pytest.mark.parametrize(
    "eyes", ["inf 1 2 3", "nan 1 2 3", "5 5 5 5", "5 5 5.0000001 5", "1e300 0 1 0"]
)
def test_eyes_that_are_not_two_places_are_none(tmp_path, listed, eyes):
    put_image(tmp_path / "s1/NIR/00001/001.bmp")
    put_text(tmp_path / "s1/NIR/00001/001.pos", [eyes])
    (row,) = listed("casia_nir_vis2").values()
    assert "truth_landmarks_xy" not in row
    assert "truth_box_xyxy" not in row


def test_a_box_that_no_number_of_32_bits_holds_is_none():
    assert box_of_corner(1e39, 1, 1, 1) is None
    assert box_of_corner(1e8, 0, 1, 1) is None  # its sides would be one number
    assert box_of_corner(1, 2, 3, 4).tolist() == [0.5, 1.5, 3.5, 5.5]
