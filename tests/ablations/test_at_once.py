"""Rows side by side, each by a DVC of its own, in a small project of shell commands."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ablations import at_once
from pipeline.errors import ParamsError, StageError
from pipeline.params.load import read_yaml

STAGES = """
stages:
  start:
    cmd: date +%N >> started.log && echo start > start.txt
    outs: [start.txt]
  pretrain_faces:
    foreach: [a, b]
    do:
      cmd: {python} meet.py ${{item}}
      deps: [start.txt, meet.py]
      outs: ["${{item}}.txt"]
  beside:
    cmd: {python} meet.py beside
    deps: [start.txt, meet.py]
    outs: [beside.txt]
  after:
    cmd: test -e a.txt && test -e beside.txt && echo after > after.txt
    deps: [a.txt]
    outs: [after.txt]
  unasked:
    cmd: exit 3
    deps: [start.txt]
"""
ROWS = """
stages:
  row:
    foreach: [one, other, failing]
    do:
      wdir: ..
      cmd: {python} meet.py ${{item}}
      deps: [start.txt, meet.py, a.txt, b.txt, beside.txt, after.txt]
      outs: ["${{item}}.txt"]
  table:
    wdir: ..
    cmd: cat one.txt other.txt > table.txt
    deps: [one.txt, other.txt]
    outs: [table.txt]
"""
MEET = """
import os, sys, time
from pathlib import Path

name = sys.argv[1]
if name == "failing":
    sys.exit(1)
Path(f"{name}.here").touch()
mates = {"one": "other", "other": "one", "a": "b", "b": "beside", "beside": "a"}
mate = Path(mates[name] + ".here")
deadline = time.monotonic() + 60
while not mate.exists():
    if time.monotonic() > deadline:
        sys.exit(f"{name} was alone")
    time.sleep(0.02)
Path(f"{name}.txt").write_text(os.environ["OMP_WAIT_POLICY"])
"""


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A project of DVC in which nothing is."""
    folder = tmp_path_factory.mktemp("empty")
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.fixture
def project(empty, tmp_path, monkeypatch):
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows").mkdir()
    (tmp_path / "dvc.yaml").write_text(STAGES.format(python=sys.executable))
    (tmp_path / "rows/dvc.yaml").write_text(ROWS.format(python=sys.executable))
    (tmp_path / "meet.py").write_text(MEET)
    return tmp_path


# Threads of rows side by side that wait for one another sleep, if nobody asks for another way.
@pytest.mark.parametrize(("asked", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_starts_run_at_once_then_rows_and_one_that_fails_stops_no_other(
    project, monkeypatch, asked, found
):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if asked:
        monkeypatch.setenv("OMP_WAIT_POLICY", asked)
    with pytest.raises(StageError, match=r"1 of 3 rows .*rows/dvc.yaml:row@failing\. The others"):
        at_once.run("rows/dvc.yaml", 3)
    made = {path.name: path.read_text() for path in project.glob("*.txt")}
    assert made.pop("start.txt") == "start\n"
    assert made.pop("after.txt") == "after\n"
    at_once_with_others = ("a.txt", "b.txt", "beside.txt", "one.txt", "other.txt")
    assert made == dict.fromkeys(at_once_with_others, found)
    assert len((project / "started.log").read_text().splitlines()) == 1
    assert not (project / "table.txt").exists()
    locked = read_yaml(project / "rows/dvc.lock")["stages"]
    assert set(locked) == {"row@one", "row@other"}  # so that `dvc repro` runs neither again


SIDE_BY_SIDE = """
from ablations import at_once
from stages.run import run_guarded
at_once.planned = lambda file: at_once.Plan([], [], [], [], ["row@one", "row@two", "row@three"])
run_guarded("ablations.at_once", lambda: at_once.run("dvc.yaml", 2))
"""


def test_a_signal_to_end_ends_the_rows_that_run_and_starts_no_other(tmp_path):
    dvc = tmp_path / "dvc"
    dvc.write_text('#!/bin/sh\ntouch "$4.here"\nexec sleep 60\n')
    dvc.chmod(0o755)
    root = str(Path(__file__).resolve().parents[2])
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": root}
    command = [sys.executable, "-c", SIDE_BY_SIDE]
    with subprocess.Popen(command, cwd=tmp_path, env=env) as process:
        while len([*tmp_path.glob("*.here")]) < 2 and process.poll() is None:
            time.sleep(0.05)
        rows = psutil.Process(process.pid).children()
        process.terminate()
        assert process.wait(20) == 128 + signal.SIGTERM
    assert len(rows) == 2
    assert not any(row.is_running() for row in rows)
    assert len([*tmp_path.glob("*.here")]) == 2


def test_a_file_without_rows_is_refused(project):
    with pytest.raises(StageError, match="has no stages row@"):
        at_once.planned("dvc.yaml")


@pytest.mark.parametrize("count", ["0", "two", "-1"])
def test_how_many_is_a_whole_number_from_one(count):
    with pytest.raises(ParamsError, match="expected a whole number from 1"):
        at_once.main(["rows/dvc.yaml", count])


@pytest.mark.parametrize("file", ["none/dvc.yaml", "meet.py", "broken/dvc.yaml"])
@pytest.mark.usefixtures("project")
def test_a_file_that_dvc_cannot_read_is_told_in_a_sentence(file):
    Path("broken").mkdir()
    Path("broken/dvc.yaml").write_text("stages: {row: {foreach: ${none}, do: {cmd: a}}}\n")
    with pytest.raises(
        StageError,
        match=rf"{file} can't be read by DVC: expected .* DVC says:",
    ):
        at_once.run(file, 2)


def test_a_folder_that_is_no_project_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match="can't be read by DVC: expected a file of rows"):
        at_once.run("dvc.yaml", 2)
