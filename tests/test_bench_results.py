"""What ``make bench`` keeps: medians and spread of what each benchmark notes."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import SMALL, run
from benchmarks.bench_ingest import make_source, take_in
from benchmarks.results import (
    NOT_RUN,
    NOTES,
    kept,
    machine,
    not_run,
    note,
    noted,
    put,
    spread,
    table,
    versions,
)
from pipeline.store import ShardFolder


def test_a_number_has_its_median_and_spread():
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0, "n": 3}


def test_numbers_are_noted_where_they_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv(NOTES, raising=False)
    note("nothing", "s", [1.0])
    monkeypatch.setenv(NOTES, str(tmp_path / "notes"))
    note("map", "rows/s", [10.0, 30.0])
    note("map", "rows/s", [5.0], peer="a loop")
    found = noted(tmp_path / "notes")
    assert noted(tmp_path / "none") == []
    assert [each["peer"] for each in found] == [None, "a loop"]
    lines = table({"b": {"numbers": found}}).splitlines()
    assert lines[1].split("  ") == ["b: map", "crossband", "20 rows/s", "10 to 30, n = 2"]
    assert lines[2].endswith("5 to 5, n = 1")


def test_machine_and_versions_are_told():
    assert machine()["cores"] >= 1
    assert versions()["numpy"]


def test_a_peak_of_memory_is_the_processes_own_and_not_its_parents():
    held = bytearray(b"x") * (200 << 20)
    told = "from benchmarks.results import peak_mb; print(peak_mb())"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert float(done.stdout) < len(held) >> 20


def test_the_benchmark_of_ingest_takes_in_what_it_made(tmp_path):
    make_source(tmp_path / "source", 4)
    assert take_in(tmp_path / "source", tmp_path / "out", 4) > 0
    assert sum(1 for _ in ShardFolder(tmp_path / "out", 4).rows(["sample_id"])) == 4


def test_a_short_run_of_dmfr_has_a_batch_that_every_kind_takes(monkeypatch):
    from benchmarks import bench_dmfr  # brings torch

    monkeypatch.chdir(Path(__file__).parents[1])
    (batch,) = (word for word in SMALL["dmfr"] if word.startswith("--batch="))
    for kind in bench_dmfr.KINDS:
        size = int(batch.partition("=")[2])
        assert bench_dmfr.params_of(kind, size).batch_images == size


def test_a_benchmark_run_again_replaces_its_own_results_and_no_others(tmp_path):
    results = tmp_path / "results.json"
    put(results, "b", {"revision": "old", "numbers": [1]})
    put(results, "a", {"revision": "new", "numbers": [2]})
    put(results, "b", {"revision": "new", "numbers": [3]})
    runs = json.loads(results.read_text())
    assert {name: run["numbers"] for name, run in runs.items()} == {"a": [2], "b": [3]}
    put(results, "a", {"revision": "newer", "numbers": []})
    assert kept(results, "new") == {"b"}


def test_one_that_lacks_something_says_what_and_is_no_failure(capsys):
    with pytest.raises(SystemExit) as raised:
        not_run("needs a camera")
    assert raised.value.code == NOT_RUN
    assert capsys.readouterr().out == "not run: needs a camera\n"


def test_one_that_takes_too_long_is_ended(capsys):
    short = argparse.Namespace(small=True, workspace=None, minutes=0.5 / 60)
    about = run("measures", short)
    assert about["exit"] is None
    assert about["revision"]
    assert "ended after" in capsys.readouterr().out
