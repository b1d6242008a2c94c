"""Rows with a split beside rows without one, and words that stand for what a row does not say."""

import csv

import pytest
from stage_data import align_rows, detect_rows, finished, write_folder

from pipeline.errors import ExportError
from pipeline.exporters.importing import read_manifest
from pipeline.exporters.running import _check_unique
from pipeline.exporters.storage import FileEntry
from pipeline.schemas.align import ALIGN
from pipeline.schemas.detect import DETECT


def test_people_with_and_without_a_split_have_labels_of_their_own_in_a_training_list(put, tmp_path):
    rows = [row | {"split": None} if row["subject_id"] == "anna" else row for row in align_rows()]
    out = put("lists", source=write_folder(tmp_path / "set", list(map(finished, rows)), ALIGN))
    people = {}
    for line in (out / "train.txt").read_text().splitlines():
        path, label = line.rsplit(" ", 1)
        people.setdefault(label, set()).add(path.split("/")[1])
    assert {label: len(found) for label, found in people.items()} == {"0": 1, "1": 1}
    assert "train,0,anna" in (out / "subjects.csv").read_text().splitlines()


@pytest.mark.parametrize("form", ["webdataset", "recordio"])
def test_labels_are_the_places_of_sorted_subjects_whatever_letters_they_have(put, tmp_path, form):
    names = ["anna", "anna maria", "anna!", "anna's", 'anna"', "anna\rb"]
    rows = [
        finished(row | {"subject_id": names[number % 6], "split": "train"})
        for number, row in enumerate(align_rows())
    ]
    out = put(form, source=write_folder(tmp_path / "set", rows, ALIGN))
    with (out / "subjects.csv").open(newline="") as lines:
        found = {int(row["label"]): row["subject_id"] for row in csv.DictReader(lines)}
    assert found == dict(enumerate(sorted(names)))


def test_a_licence_called_unknown_counts_beside_those_that_are_not_known(put, tmp_path):
    rows = [
        row | {"licence": (None, "unknown", "MIT")[number % 3]}
        for number, row in enumerate(align_rows())
    ]
    out = put("folder", source=write_folder(tmp_path / "set", list(map(finished, rows)), ALIGN))
    assert read_manifest(str(out)).licences == {"MIT": 8, "unknown": 16}


def test_ultralytics_labels_of_two_splits_that_become_one_stay_apart(put, tmp_path):
    rows = detect_rows()[:3]
    names = (("a/1.jpg", "train"), ("a/1.png", None), ("A/1.bmp", None))
    rows = [row | {"sample_id": i, "split": s} for row, (i, s) in zip(rows, names, strict=True)]
    out = put("yolo", source=write_folder(tmp_path / "set", list(map(finished, rows)), DETECT))
    labels = [path.as_posix().casefold() for path in (out / "labels").rglob("*.txt")]
    assert len(set(labels)) == 3


def test_names_that_differ_by_case_alone_are_refused_whatever_sorts_between():
    entries = [FileEntry(path, 1, "") for path in ("A.png", "B.png", "a.png")]
    with pytest.raises(ExportError, match=r"A\.png and a\.png would be one file"):
        _check_unique(entries)
