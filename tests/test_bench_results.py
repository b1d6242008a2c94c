"""What ``make bench`` keeps: medians and spread of what each benchmark notes."""

import json

from benchmarks.results import NOTES, machine, note, spread, table, versions


def test_a_number_has_its_median_and_spread():
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0, "n": 3}


def test_numbers_are_noted_where_they_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv(NOTES, raising=False)
    note("nothing", "s", [1.0])
    monkeypatch.setenv(NOTES, str(tmp_path / "notes"))
    note("map", "rows/s", [10.0, 30.0])
    note("map", "rows/s", [5.0], peer="a loop")
    found = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    assert [each["peer"] for each in found] == [None, "a loop"]
    lines = table([{"benchmark": "b"} | each for each in found]).splitlines()
    assert lines[1].split("  ") == ["b: map", "crossband", "20 rows/s", "10 to 30, n = 2"]
    assert lines[2].endswith("5 to 5, n = 1")


def test_machine_and_versions_are_told():
    assert machine()["cores"] >= 1
    assert versions()["numpy"]
