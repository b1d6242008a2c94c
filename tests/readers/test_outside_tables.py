"""Lists and tables as Excel and other programs write them: read, or refused in one line."""

import tracemalloc

import numpy as np
import pytest

from pipeline.errors import ReaderError
from pipeline.ops.codec import encode_png
from pipeline.params.datasets import DatasetParams, IjbMdfParams
from pipeline.protocols.pairs import cfp_numbers, lfw_pairs
from pipeline.readers import read_dataset
from pipeline.readers.annotations import read_galleries
from pipeline.readers.layout import read_table
from pipeline.readers.llcm import read_ids
from pipeline.readers.tables import delimiter_of, read_cells, read_rows, whole_id

IMAGE = encode_png(np.zeros((4, 4), np.uint8))
LIST = "path,subject\na.png,José\nb.png,0012\n"


def listed(tmp_path, data, **values):
    (tmp_path / "list.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    params = DatasetParams(reader="folder", root=str(tmp_path), list="list.csv", shards=2, **values)
    return {row["sample_id"]: row for row in read_dataset("mine", params).rows}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_encoding_delimiter_and_line_end_gives_the_same(tmp_path, encoding, delimiter, ends):
    text = LIST.replace(",", delimiter).replace("\n", ends)
    rows = listed(tmp_path, text.encode(encoding))
    assert {name: row["subject_id"] for name, row in rows.items()} == {
        "a.png": "José",
        "b.png": "0012",  # leading zeros are part of a name
    }


def test_blank_lines_stay_out_and_lines_are_counted_as_an_editor_does(tmp_path):
    rows = listed(tmp_path, "\n\npath,subject\n\na.png,0001\n\n\nb.png,0002\n")
    assert set(rows) == {"a.png", "b.png"}
    with pytest.raises(ReaderError, match=r"list\.csv, line 6: band 'IR' is none of"):
        listed(tmp_path, 'path,band,camera\n\na.png,VIS,"two\nlines"\n\nb.png,IR,\n')


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("path,subject\na.png,00\x0001\n", r"line 2: .*found binary data \(a NUL\).*as UTF-8"),
        ("path,subject\n", "found the header alone"),
        ("path,subject\na.png\n", "line 2: expected 2 cells, as in the header, found 1"),
        ('path,subject\na.png,"open\nb.png,x\n', "line 2: a cell in quotes does not end"),
        ("path,path\na.png,b.png\n", "the header names 'path' twice"),
        ("path,box\na.png,300 300 100 100\n", "line 2: box '300 300 100 100': expected x0 y0 x1"),
        ("path,box\na.png,1 1 1 5\n", "line 2: box"),
        ("path,subject,split\na.png,0001 ,train\nb.png,0001,test\n", "more than one split.*0001"),
        ("path,subject\na.png,1\n./a.png,2\n", "1 sample ids occur twice"),
        ("path,subject,split\na.png,Jos\u00e9,train\nb.png,Jose\u0301,test\n", "more than one"),
    ],
)
def test_what_can_not_be_right_is_refused_with_its_line(tmp_path, data, message):
    with pytest.raises(ReaderError, match=message):
        listed(tmp_path, data)


def test_bands_and_splits_are_known_in_any_case(tmp_path):
    rows = listed(tmp_path, "path,subject,band,split\na.png,s,nir,Test\n")
    assert (rows["a.png"]["band"], rows["a.png"]["split"]) == ("NIR", "test")


def test_quotes_behind_a_blank_are_quotes(tmp_path):
    file = tmp_path / "list.csv"
    file.write_text('path, subject\n"a.png", "Smith, Anna"\nb.png, Bob "B" Lee\n')
    assert [cells for _, cells in read_rows(file)[1]] == [
        {"path": "a.png", "subject": "Smith, Anna"},
        {"path": "b.png", "subject": 'Bob "B" Lee'},
    ]


def test_a_long_cell_and_quotes_are_read(tmp_path):
    long = "x" * 300_000
    rows = listed(tmp_path, f'path,subject,licence\na.png,"Smith, J.","{long}"\n')
    assert (rows["a.png"]["subject_id"], rows["a.png"]["licence"]) == ("Smith, J.", long)
    assert delimiter_of('"a,b,c";d\n') == ";"


def test_a_list_is_below_the_root_that_dvc_watches(tmp_path):
    (tmp_path / "a.png").write_bytes(IMAGE)
    listed(tmp_path, LIST)
    params = DatasetParams(reader="folder", root=str(tmp_path), list="list.csv", shards=1)
    loaded = [row for (row,) in read_dataset("mine", params).shard(0).batches()]
    assert loaded[0]["content"] == IMAGE
    assert "No such file" in loaded[1]["unreadable"]
    with pytest.raises(ReaderError, match=r"gone\.csv is missing"):
        read_dataset("mine", params.model_copy(update={"list": "gone.csv"}))
    with pytest.raises(ValueError, match="list: reader 'lfw' does not use this"):
        DatasetParams(reader="lfw", root=".", list="list.csv", shards=1)


def test_a_list_without_its_folder_says_that_dvc_sees_no_image(tmp_path, caplog):
    (tmp_path / "list.csv").write_text(LIST)
    params = DatasetParams(reader="folder", root=str(tmp_path / "list.csv"), shards=1)
    read_dataset("mine", params)
    assert "DVC sees the list, but not when an image is replaced" in caplog.text


@pytest.mark.parametrize("text", ["SUBJECT_ID;SEX\n0007;M\n0009;F\n", "SUBJECT_ID\tSEX\n0007\tM\n"])
def test_a_gallery_of_semicolons_or_tabs_is_read(tmp_path, text):

    (tmp_path / "gallery-1.csv").write_text(text)
    (tmp_path / "gallery-2.csv").write_text("0008\n0010\n")
    found = read_galleries(tmp_path, IjbMdfParams())
    assert found["0007"] == "train"
    assert found["0008"] == "test"
    assert not any(";" in subject or "\t" in subject for subject in found)


def test_an_empty_file_has_no_rows(tmp_path):
    (tmp_path / "x.csv").write_text("\n\n")
    assert read_rows(tmp_path / "x.csv") == ([], [])
    assert read_cells(tmp_path / "x.csv") == []


@pytest.mark.parametrize("digit", ["²", "①"])
def test_a_sign_that_is_a_digit_and_no_number_is_told_like_any_other(tmp_path, digit):
    file = tmp_path / "list.txt"
    file.write_text(f"1, {digit}\n", encoding="utf-8")
    with pytest.raises(ReaderError, match="expected subject numbers"):
        read_ids(file)
    file.write_text(f"{digit} 300\n", encoding="utf-8")
    with pytest.raises(ReaderError, match="line 1: expected '10 300'"):
        list(lfw_pairs(file))
    file.write_text(f"{digit} ../Data/Images/001/frontal/01.jpg\n", encoding="utf-8")
    with pytest.raises(ReaderError, match="line 1"):
        cfp_numbers(file)
    assert whole_id(f"{digit}.0") == f"{digit}.0"


def test_a_long_list_is_not_held_as_a_whole(tmp_path):
    file = tmp_path / "long.csv"
    line = ",".join(f"{number}.25" for number in range(12))
    file.write_text("\n".join([",".join("abcdefghijkl"), *([line] * 20_000)]))
    tracemalloc.start()
    try:
        lines = sum(1 for _ in read_table(file, ["a"]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == 20_000
    assert peak < 12 * file.stat().st_size  # the text, in wide letters: not all cells
