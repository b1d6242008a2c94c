"""Names in exports can be read by people and by every disk, and are never two alike."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.exporters.names import Names, names_of, safe_component, subject_folders
from pipeline.store.ids import quoted_id

DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{d}{n}" for d in ("COM", "LPT") for n in range(10))}


def stem(sample, subject, band="VIS", split="train"):
    row = (quoted_id(sample), subject, band)
    names = names_of([row], by_subject=True)
    return names.stem(dict(zip(("sample_id", "subject_id", "band"), row, strict=False)), split)


@pytest.mark.parametrize(
    ("sample", "subject", "band", "expected"),
    [
        ("bob/VIS/2.jpg", "bob", "VIS", "train/bob/VIS_2"),
        ("bob/2.jpg", "bob", "NIR", "train/bob/NIR_2"),
        ("2.png", "bob", "VIS", "train/bob/VIS_2"),
        ("bob/day 1/2.v3.jpg", "bob", "VIS", "train/bob/VIS_day 1_2_v3"),
        ("李/照片.jpg", "李", "VIS", "train/李/VIS_照片"),
        ("x.jpg", None, "VIS", "train/unknown/VIS_x"),
    ],
)
def test_a_name_is_split_subject_band_and_name(sample, subject, band, expected):
    assert stem(sample, subject, band) == expected


def test_what_a_stage_derives_stays_in_the_name():
    row = {"sample_id": "bob/2.jpg#face001#mask", "subject_id": "bob", "band": "VIS"}
    names = Names({"bob": "bob"}, frozenset())
    assert names.stem(row, "test") == "test/bob/VIS_2-face001-mask"


def test_twenty_chinese_characters_fit_the_disk(tmp_path):
    name = "一二三四五六七八九十" * 2
    made = stem(f"{name}/{name}.jpg", name)
    assert made == f"train/{name}/VIS_{name}"
    place = tmp_path / f"{made}.png"
    place.parent.mkdir(parents=True)
    place.touch()
    longest = safe_component("字" * 300)
    assert len(longest.encode()) <= 200
    assert longest != safe_component("字" * 301)


@given(
    st.text(max_size=30) | st.sampled_from([*DEVICES, "con.txt", "nul .x", "a.", "a ", ".a", ""])
)
def test_a_name_is_what_three_operating_systems_allow(text):
    name = safe_component(text)
    assert 0 < len(name.encode()) <= 200
    assert not set(name) & set('<>:"/\\|?*')
    assert all(unicodedata.category(letter)[0] != "C" for letter in name)
    assert name[0] not in ". "
    assert name[-1] not in ". "
    assert name.partition(".")[0].strip().upper() not in DEVICES
    assert unicodedata.normalize("NFC", name) == name  # macOS would make it so


@given(st.text(max_size=30), st.text(max_size=30))
def test_one_name_is_of_one_text(a, b):
    assert (safe_component(a) == safe_component(b)) == (a == b)


def test_bytes_that_are_no_text_become_a_name():
    assert safe_component("a\udcff") == "a%FF"
    assert quoted_id("a\udcff/b.jpg") == "a%FF/b.jpg"
    assert stem("a\udcff/b.jpg", "a%FF") == "train/a%25FF/VIS_a%FF_b"


def test_subjects_that_differ_by_case_alone_get_folders_of_their_own():
    folders = subject_folders({"Anna", "anna", "bob", None, "unknown"})
    assert folders["bob"] == "bob"
    assert folders[None] == "unknown"
    assert len({folder.casefold() for folder in folders.values()}) == 5
    assert folders["Anna"].startswith("Anna~")


def test_names_that_would_be_one_are_told_apart_by_a_digest():
    rows = [(name, "s", "VIS") for name in ("a/b.jpg", "a_b.jpg", "A_B.png", "c.jpg")]
    names = names_of(rows, by_subject=True)
    made = [
        names.stem({"sample_id": name, "subject_id": "s", "band": "VIS"}, "train")
        for name, *_ in rows
    ]
    assert len({name.casefold() for name in made}) == 4
    assert made[3] == "train/s/VIS_c"
    assert all("~" in name for name in made[:3])
