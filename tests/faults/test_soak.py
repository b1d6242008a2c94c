"""The soak itself finds what it looks for, in a workspace of two stages: one careful, one not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).with_name("soak")))
from flips import batch, flip_and_repro, targets
from kills import KINDS, Trial, kill_and_run_again, trial
from results import Results
from tiny_run import prepare
from traces import outside, traced

SOAK = Path(__file__).with_name("soak")
PIPELINE = """
stages:
  careful:
    cmd: python -m stages.careful
    deps: [stages/careful.py]
    outs: [data/mine/careful: {persist: true}]
  careless:
    cmd: python -m stages.careless
    deps: [stages/careless.py]
    outs: [data/mine/careless: {persist: true}]
"""
CAREFUL = """
import time
from pathlib import Path
path, whole = Path("data/mine/careful/a.parquet"), b"whole" * 999
path.parent.mkdir(parents=True, exist_ok=True)
if not path.exists() or path.read_bytes() != whole:
    time.sleep(0.5)
    partial = path.with_name(".partial")
    partial.write_bytes(whole)
    partial.replace(path)
"""
CARELESS = """
import time
from pathlib import Path
path = Path("data/mine/careless/a.parquet")
path.parent.mkdir(parents=True, exist_ok=True)
if not path.exists():
    with path.open("wb", buffering=0) as file:
        file.write(b"whole" * 9)
        time.sleep(2)
        file.write(b"whole" * 990)
"""


def make(path):
    (path / "stages").mkdir(parents=True)
    (path / "dvc.yaml").write_text(PIPELINE)
    (path / "stages/__init__.py").touch()
    (path / "stages/careful.py").write_text(CAREFUL)
    (path / "stages/careless.py").write_text(CARELESS)
    subprocess.run(["dvc", "init", "-q", "--no-scm"], cwd=path, check=True)


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("soak"), make)


def test_a_kill_is_told_from_harm(workspaces):
    seconds = {}
    careful = Trial(0, "careful", "group", 0.05, True)
    row = kill_and_run_again(*workspaces, careful, seconds)
    assert (row["killed"], row["outcome"]) == ("group", "same bytes")
    assert seconds["careful"] > 0.5
    careless = Trial(1, "careless", "stage", 0.1, True)
    row = kill_and_run_again(*workspaces, careless, seconds)
    assert (row["killed"], row["outcome"]) == ("stage", "differs")
    assert row["detail"] == ["data/mine/careless/a.parquet"]


def test_a_flip_that_stays_is_told_from_one_that_is_mended(workspaces, tmp_path):
    assert [str(file) for _, file in targets(workspaces[0])] == [
        "data/mine/careful/a.parquet",
        "data/mine/careless/a.parquet",
    ]
    rows, others = flip_and_repro(*workspaces, 0, 2)
    assert {row["stage"]: row["outcome"] for row in rows} == {
        "careful": "same bytes",
        "careless": "differs",
    }
    assert others == []
    results = Results(tmp_path / "results")
    for row in rows:
        results.add(row)
    again = Results(tmp_path / "results")
    assert rows[0]["trial"] in again
    assert [row["stage"] for row in again.bad()] == ["careless"]
    assert "| careless | differs | 1 |" in again.table("stage", "outcome")


def test_a_batch_has_as_many_files_as_asked_for_and_all_have_their_turn():
    class Run:
        def outputs(self):
            return {"made": [Path(f"data/{number}.parquet") for number in range(7)]}

    batches = [batch(Run(), number, 5) for number in range(3)]
    assert [len(set(files)) for files in batches] == [5, 5, 5]
    assert set(batches[0]) | set(batches[1]) == set(targets(Run()))
    assert len(batch(Run(), 0, 9)) == 7


def test_trials_take_every_stage_and_every_kind_of_kill():
    stages = [f"{name}@{item}" for name in "abcde" for item in "xy"]
    found = [trial(number, stages) for number in range(60)]
    assert {(t.stage[0], t.kind) for t in found} == {(s, k) for s in "abcde" for k in KINDS}
    assert {t.stage for t in found} == set(stages)
    assert {t.all_gone for t in found} == {True, False}
    assert trial(7, stages) == found[7]


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_what_a_run_touches_outside_is_named(tmp_path):
    inside, other = tmp_path / "inside", tmp_path / "other"
    inside.mkdir()
    code = (
        "import socket\n"
        "open('mine', 'w').close(); open('/dev/null', 'w').close(); open('mine').close()\n"
        "open('../other', 'w').close()\n"
        "try: open('/nowhere/at/all', 'w')\n"
        "except OSError: pass\n"
        "try: socket.create_connection(('127.0.0.1', 9))\n"
        "except OSError: pass\n"
    )
    note = tmp_path / "note"
    subprocess.run(traced([sys.executable, "-c", code], note), cwd=inside, check=True)
    written, asked = sorted(outside(note, inside), key=len)
    assert written == f"openat {other}"
    assert asked.startswith("connect(")
    assert "127.0.0.1" in asked


@pytest.mark.soak
def test_the_tiny_run_withstands_it_all():
    folder = Path(__file__).resolve().parents[2] / "build/soak"
    assert subprocess.run([sys.executable, SOAK, folder], check=False).returncode == 0
