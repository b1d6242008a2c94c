"""Reader ``folder``: what it lists, what it refuses, and what ``ingest`` makes of it."""

import os

import numpy as np
import pytest

from pipeline.errors import ReaderError
from pipeline.ops.codec import encode_png
from pipeline.params.datasets import DatasetParams
from pipeline.readers import read_dataset
from pipeline.readers.folder import look
from pipeline.readers.unlisted import strangers_of, words_of
from pipeline.types import Band, Split

IMAGE = encode_png(np.zeros((4, 4), np.uint8))


def params(root, **values):
    return DatasetParams(reader="folder", root=str(root), shards=2, **values)


def put(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGE)


def listed(root, **values):
    return {row["sample_id"]: row for row in read_dataset("mine", params(root, **values)).rows}


def test_subject_and_session_come_from_the_folders(tmp_path):
    put(tmp_path, "anna/1.jpg", "anna/day 2/night/1.PNG", "context.tiff", "bob/1.jpg")
    rows = listed(tmp_path, band=Band.NIR, split=Split.TEST, licence="CC0-1.0")
    assert {name: (r.get("subject_id"), r.get("session_id")) for name, r in rows.items()} == {
        "anna/1.jpg": ("anna", None),
        "anna/day%202/night/1.PNG": ("anna", "day 2/night"),
        "context.tiff": (None, None),
        "bob/1.jpg": ("bob", None),
    }
    assert {(r["band"], r["split"], r["licence"]) for r in rows.values()} == {
        ("NIR", "test", "CC0-1.0")
    }


def test_a_folder_called_as_a_band_is_the_band_and_neither_subject_nor_session(tmp_path):
    put(tmp_path, "anna/NIR/1.jpg", "anna/vis/day 2/1.jpg", "LWIR/bob/1.jpg", "bob/1.jpg")
    rows = listed(tmp_path, band=Band.SWIR)
    found = {
        name: (r["band"], r.get("subject_id"), r.get("session_id")) for name, r in rows.items()
    }
    assert found == {
        "anna/NIR/1.jpg": ("NIR", "anna", None),
        "anna/vis/day%202/1.jpg": ("VIS", "anna", "day 2"),
        "LWIR/bob/1.jpg": ("LWIR", "bob", None),
        "bob/1.jpg": ("SWIR", "bob", None),
    }


def test_folders_of_two_bands_around_one_image_are_refused(tmp_path):
    put(tmp_path / "a", "NIR/anna/VIS/1.jpg")
    put(tmp_path / "b", "RGB/anna/NIR/1.jpg")
    for name in ("a", "b"):
        with pytest.raises(ReaderError, match="name the bands NIR and VIS: expected one"):
            listed(tmp_path / name)


def test_where_all_first_folders_are_words_of_bands_the_next_one_is_the_person(tmp_path, caplog):
    put(tmp_path, "RGB/anna/1.jpg", "thermal/anna/day 2/1.jpg", "NIR/bob/1.jpg", "Visible1/2.jpg")
    rows = listed(tmp_path, band=Band.LWIR)
    found = {
        name: (r["band"], r.get("subject_id"), r.get("session_id")) for name, r in rows.items()
    }
    assert found == {
        "RGB/anna/1.jpg": ("VIS", "anna", None),
        "thermal/anna/day%202/1.jpg": ("LWIR", "anna", "day 2"),
        "NIR/bob/1.jpg": ("NIR", "bob", None),
        "Visible1/2.jpg": ("VIS", None, None),
    }
    assert caplog.messages == []
    listed(tmp_path, band=Band.VIS)
    end = f"the name of a folder or file were taken as VIS: {WAY_OUT}"
    assert caplog.messages == [f"mine: 1 images with thermal in {end}"]


def test_words_of_bands_beside_people_may_be_initials_and_are_told(tmp_path, caplog):
    put(tmp_path, "IR/day 1/1.jpg", "RGB/1.jpg", "BK/1.jpg")
    rows = listed(tmp_path, band=Band.LWIR)
    assert {row["subject_id"] for row in rows.values()} == {"IR", "RGB", "BK"}
    assert caplog.messages[0] == (
        "mine: folders IR, RGB, beside folders of people, were taken as people: if they are "
        f"bands, {WAY_OUT}"
    )


def test_where_all_first_folders_are_splits_the_next_one_is_the_person(tmp_path, caplog):
    put(
        tmp_path,
        *("train/anna/VIS/1.jpg", "Test/NIR/bob/day 2/1.jpg", "validation/1.jpg", "0.jpg"),
    )
    rows = listed(tmp_path)
    columns = ("split", "subject_id", "band", "session_id")
    assert {name: tuple(row.get(each) for each in columns) for name, row in rows.items()} == {
        "train/anna/VIS/1.jpg": ("train", "anna", "VIS", None),
        "Test/NIR/bob/day%202/1.jpg": ("test", "bob", "NIR", "day 2"),
        "validation/1.jpg": ("validation", None, "VIS", None),
        "0.jpg": (None, None, "VIS", None),
    }
    assert caplog.messages == []


def test_below_splits_folders_may_be_words_of_bands(tmp_path):
    put(tmp_path, "train/RGB/anna/1.jpg", "test/thermal/bob/1.jpg")
    rows = listed(tmp_path, band=Band.LWIR)
    assert [(row["subject_id"], row["band"], row["split"]) for row in rows.values()] == [
        ("bob", "LWIR", "test"),
        ("anna", "VIS", "train"),
    ]


def test_a_person_in_the_folders_of_two_splits_is_refused(tmp_path):
    put(tmp_path, "train/anna/1.jpg", "test/anna/2.jpg")
    with pytest.raises(ReaderError, match=r"1 subjects are in more than one split.*anna"):
        listed(tmp_path)


@pytest.mark.parametrize(
    "names", [["train/1.jpg", "val/1.jpg"], ["NIR/val/1.jpg", "VIS/train/2.jpg"]]
)
def test_splits_that_were_taken_as_people_are_told(tmp_path, caplog, names):
    put(tmp_path, *names)
    assert not any("split" in row for row in listed(tmp_path).values())
    assert caplog.messages == [
        "mine: folders train, val were taken as people: if they are splits, let all first folders "
        "be train, validation or test"
    ]


def test_a_list_with_splits_that_names_nobody_is_told(tmp_path, caplog):
    text = "path,split\nanna/1.jpg,train\n"
    listed(csv_of(tmp_path, text).parent, list="list.csv")
    assert caplog.messages == [
        "mine: images have a split, but list.csv names nobody: beside a list folders say nothing; "
        "give it a column subject"
    ]
    caplog.clear()
    csv_of(tmp_path, text.replace("path", "subject,path").replace("anna/", "anna,anna/"))
    listed(tmp_path, list="list.csv")
    assert caplog.messages == []


WAY_OUT = "name such a folder VIS, NIR, SWIR, MWIR or LWIR, or use a list with the column band"


@pytest.mark.parametrize(
    ("names", "band", "told"),
    [
        (
            [
                "eve/thermal/1.jpg",
                "eve/RGB/1.jpg",
                "bob/IR/1.jpg",
                "eve/NIR1/1.jpg",
                "eve/1_nir.jpg",
            ],
            "VIS",
            "4 images with IR, nir, NIR1, thermal in",
        ),
        (["a/FLIR Boson/1.jpg", "a/near-infrared/2.jpg"], "VIS", "2 images with FLIR, infrared in"),
        (
            ["a/ir/1.jpg", "a/IR/2.jpg", "a/3.infra red.jpg"],
            "VIS",
            "3 images with infra red, IR in",
        ),
        (["a/thermal/1.jpg", "a/1_ir.jpg", "a/rgb/1.jpg"], "LWIR", "1 images with rgb in"),
        (["a/thermal/NIR/1.jpg", "irina/first/firm.jpg", "a/visible/x.jpg"], "VIS", None),
        (["a/nir/1_thermal.jpg"], "VIS", None),
    ],
)
def test_words_that_seem_to_be_a_band_and_gave_none_are_told_once(
    tmp_path, caplog, names, band, told
):
    put(tmp_path, *names)
    listed(tmp_path, band=Band(band))
    end = f"the name of a folder or file were taken as {band}: {WAY_OUT}"
    assert caplog.messages == ([f"mine: {told} {end}"] if told else [])


def test_words_of_bands_in_a_lists_paths_are_told_where_no_cell_says_the_band(tmp_path, caplog):
    csv_of(tmp_path, "path,band\nir/1.jpg,NIR\nir/2.jpg,\nir/3.jpg,VIS\n")
    listed(tmp_path, list="list.csv")
    assert caplog.messages == [
        "mine: 1 images with ir in the name of a folder or file were taken as VIS: give list.csv a "
        "column band, and fill it"
    ]


def test_a_look_stops_at_the_first_image(tmp_path, monkeypatch):
    put(tmp_path, "1.jpg", "anna/1.jpg")
    scanned = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: scanned.append(path) or scandir(path))
    look(tmp_path, "mine", params(tmp_path))
    assert scanned == [tmp_path]
    file = csv_of(tmp_path, "path\nanna/0.jpg\nanna/1.jpg\n../outside.jpg\n")
    look(file, "mine", params(file))  # it never comes to the faulty line


def test_hidden_files_and_other_files_stay_out(tmp_path, caplog):
    put(tmp_path, "a/1.jpg", "a/.hidden.jpg", ".git/x.jpg", "a/notes.txt", "a/LICENSE")
    with caplog.at_level("INFO"):
        assert list(listed(tmp_path)) == ["a/1.jpg"]
    assert "2 files of other formats are left out" in caplog.text
    assert "1 .txt" in caplog.text


def test_names_in_any_script_keep_a_legal_id(tmp_path):
    put(tmp_path, "Zoë/Größe #1.jpg", "李/照片.jpg")
    ids = set(listed(tmp_path))
    assert "Zo%C3%AB/Gr%C3%B6%C3%9Fe%20%231.jpg" in ids
    assert {row["subject_id"] for row in listed(tmp_path).values()} == {"Zoë", "李"}


def test_bytes_are_loaded_when_asked_for(tmp_path):
    put(tmp_path, "a/1.jpg")
    listing = read_dataset("mine", params(tmp_path))
    (row,) = [r for i in range(2) for batch in listing.shard(i).batches() for r in batch]
    assert row["content"] == IMAGE
    assert "path" not in row  # a data set that moves keeps its fingerprints


def test_a_file_that_vanishes_is_unreadable_not_fatal(tmp_path):
    put(tmp_path, "a/1.jpg")
    listing = read_dataset("mine", params(tmp_path))
    (tmp_path / "a/1.jpg").unlink()
    (row,) = [r for i in range(2) for batch in listing.shard(i).batches() for r in batch]
    assert row["unreadable"] == "a/1.jpg: No such file or directory"


def marks(root, **values):
    listing = read_dataset("mine", params(root, **values))
    return [listing.shard(index).mark() for index in range(2)]


def test_a_file_that_was_written_again_in_secret_is_another(tmp_path):
    put(tmp_path, *(f"a/{i}.png" for i in range(6)))
    before, path = marks(tmp_path), tmp_path / "a/3.png"
    assert marks(tmp_path) == before
    told = path.stat()
    with path.open("r+b") as file:  # of the same length, inode and time
        file.write(b"\0")
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert path.stat().st_mtime_ns == told.st_mtime_ns
    assert [one != other for one, other in zip(marks(tmp_path), before, strict=True)].count(
        True
    ) == 1


def test_what_a_list_says_of_a_file_and_where_its_folder_leads_count(tmp_path):
    put(tmp_path / "data", "a/1.png")
    table = tmp_path / "data/list.csv"
    table.write_text("path,subject\na/1.png,x\n")
    before = marks(tmp_path / "data", list="list.csv")
    table.write_text("path,subject\na/1.png,y\n")
    other = marks(tmp_path / "data", list="list.csv")
    assert other != before
    (tmp_path / "data/a").rename(tmp_path / "a")
    (tmp_path / "data/a").symlink_to(tmp_path / "a")
    assert marks(tmp_path / "data", list="list.csv") != other


def test_a_file_that_comes_back_is_another_than_one_that_is_missing(tmp_path):
    put(tmp_path, "a/1.png", "a/2.png")
    (tmp_path / "list.csv").write_text("path\na/1.png\na/2.png\na/3.png\n")
    before = marks(tmp_path, list="list.csv")
    put(tmp_path, "a/3.png")
    assert marks(tmp_path, list="list.csv") != before


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "found an empty folder"), (["a/x.txt", "a/y.txt"], "found 2 .txt")],
)
def test_a_folder_without_images_is_refused(tmp_path, names, message):
    put(tmp_path, *names)
    with pytest.raises(ReaderError, match=message):
        listed(tmp_path)


def test_a_wrong_root_says_what_was_looked_for(tmp_path):
    with pytest.raises(ReaderError, match=r"found nothing; correct datasets\.mine\.root"):
        listed(tmp_path / "nowhere")


def csv_of(tmp_path, text):
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_images_in_no_row_of_a_list_are_told(tmp_path):
    put(tmp_path, "anna/1.jpg", "anna/e\u0301.jpg", ".hidden.jpg")
    csv_of(tmp_path, "path\nanna/1.jpg\nanna/\u00e9.jpg\n")
    mine = params(tmp_path, list="list.csv")
    rows = read_dataset("mine", mine).rows
    assert strangers_of(mine, rows) == ()
    put(tmp_path, "anna/2.jpg", "bob/1.png")
    found = strangers_of(mine, rows)
    assert found == ("anna/2.jpg", "bob/1.png")
    told = words_of("mine", mine, found)
    assert f"2 images below {tmp_path} are not listed in list.csv" in told
    assert "anna/2.jpg" in told
    hidden = params(tmp_path, list="list.csv", pseudonyms=True)
    assert "anna" not in words_of("mine", hidden, found)
    assert strangers_of(params(tmp_path), rows) == ()  # without a list all are taken


def test_a_csv_names_everything(tmp_path):
    put(tmp_path, "x/1.bmp", "x/2.bmp")
    file = csv_of(
        tmp_path,
        "\ufeffpath,subject,band,split,view,box,landmarks\r\n"
        "x\\1.bmp,s1,NIR,train,left,1 2 3 4,1 1 3 1 2 2 1 3 3 3\r\n"
        "x/2.bmp,s2,,,,,\r\n",
    )
    rows = listed(file, band=Band.VIS, split=Split.TEST)
    first, second = rows["x/1.bmp"], rows["x/2.bmp"]
    columns = ("subject_id", "band", "split", "view")
    assert [first[column] for column in columns] == ["s1", "NIR", "train", "left"]
    assert first["truth_box_xyxy"].tolist() == [1, 2, 3, 4]
    assert first["truth_landmarks_xy"].shape == (5, 2)
    assert (second["subject_id"], second["band"], second["split"]) == ("s2", "VIS", "test")
    assert "truth_box_xyxy" not in second


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,subject\na.png,s", "expected a column 'path'"),
        ("path,colour\na.png,red", "expected a column 'path' and any of"),
        ("", "expected a column 'path'"),
        ("path,band\na.png,IR", "line 2: band 'IR' is none of"),
        ("path,split\na.png,dev", "line 2: split 'dev' is none of"),
        (
            "path,view\na.png,frontal",
            "line 2: view 'frontal' is none of .*'front', 'left', 'right'",
        ),
        ("path,band\na.png", "line 2: expected 2 cells, as in the header"),
        ("path,band\na.png,VIS,x", "line 2: expected 2 cells, as in the header"),
        ("path\n../a.png", "stay below"),
        ("path\n/etc/passwd", "stay below"),
        ("path,box\na.png,1 2 3", "line 2: box: expected 4 numbers"),
        ("path,landmarks\na.png,1 2 3 4 5 6 7 8 9 nan", "not finite"),
        ("path\na.png\nb.png\na.png", r"1 sample ids occur twice: a\.png"),
        ("path,subject,split\na.png,s,train\nb.png,s,test", "more than one split.*s"),
    ],
)
def test_a_faulty_csv_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(ReaderError, match=message):
        listed(csv_of(tmp_path, text))


def test_a_view_is_one_in_any_case(tmp_path):
    text = "path,view\na.png,Front\nb.png,BACK\nc.png,\n"
    rows = listed(csv_of(tmp_path, text))
    assert [row.get("view") for row in rows.values()] == ["front", "back", None]
