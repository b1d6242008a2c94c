"""What users of DVC do, in a project of one's own: compare, share, get, run a part."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from forked import run

from pipeline.ops.codec import encode_png

BIN = Path(sys.executable).parent
TARGET = "align@photos"
CHAIN = ["weights", "ingest@photos", "detect@photos", TARGET]
EDIT = "min_interocular_px: 60.0"
"""More than there is between the eyes of the photographs: their faces are rejected."""
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "someone"), ("EMAIL", "someone@localhost"))
}


def command(*words, cwd):
    """Run a command that has to succeed; returns what it printed."""
    environment = os.environ | IDENTITY | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = run(words, cwd=cwd, environment=environment, fork_stages=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ran(output):
    """Stages that a ``dvc repro`` says it ran."""
    return re.findall(r"^Running stage '(.+?)'", output, re.MULTILINE)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of three photographs that was run to the aligned crops and committed."""
    parent = tmp_path_factory.mktemp("habits")
    for number in range(3):
        image = np.roll(skimage.data.astronaut()[:300, 80:400], number * 3, axis=1)
        path = parent / f"images/s{number}/a.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(encode_png(np.ascontiguousarray(image)))
    command("crossband", "init", "project", "--images", "images", cwd=parent)
    made = parent / "project"
    assert sorted(ran(command("dvc", "repro", TARGET, cwd=made))) == sorted(CHAIN)
    assert command("git", "status", "--porcelain", cwd=made) == "?? dvc.lock\n"
    command("git", "add", "dvc.lock", cwd=made)
    command("git", "commit", "-q", "-m", "First run", cwd=made)
    return made


@pytest.fixture
def copy(project, tmp_path):
    """A copy of it to work on."""
    return Path(shutil.copytree(project, tmp_path / "project", symlinks=True))


def test_after_a_run_and_a_commit_all_is_clean(project):
    assert command("git", "status", "--porcelain", cwd=project) == ""
    assert json.loads(command("dvc", "status", "--json", TARGET, cwd=project)) == {}
    assert ran(command("dvc", "repro", TARGET, cwd=project)) == []


def test_metrics_are_few_and_are_there(project):
    shown = json.loads(command("dvc", "metrics", "show", "--json", cwd=project))
    files = shown[""]["data"]
    align = files["reports/summary/photos/align.json"]["data"]
    assert (align["in"], align["out"], align["rejected"]) == (3, 3, 0)
    assert all(len(each["data"]) <= 8 for each in files.values() if "data" in each)


def test_an_edit_is_compared_with_the_last_commit(copy):
    params = copy / "params.yaml"
    params.write_text(params.read_text().replace("min_interocular_px: 8.0", EDIT))
    assert ran(command("dvc", "repro", TARGET, cwd=copy)) == [TARGET]
    metrics = json.loads(command("dvc", "metrics", "diff", "--json", cwd=copy))
    change = metrics["reports/summary/photos/align.json"]
    assert change["out"] == {"old": 3, "new": 0, "diff": -3}
    assert change["rejected"] == {"old": 0, "new": 3, "diff": 3}
    changed = json.loads(command("dvc", "params", "diff", "--json", cwd=copy))
    change = changed["params.yaml"]["align.min_interocular_px"]
    assert (change["old"], change["new"]) == (8.0, 60.0)
    page = command(
        "dvc", "plots", "diff", "--targets", "reports/contact/photos/align.png", cwd=copy
    )
    static = Path(page.strip().removeprefix("file://")).parent / "static"
    sheets = {path.name for path in static.glob("*align.png")}
    assert len(sheets) == 2  # of the commit and of the workspace
    changed = command("git", "status", "--porcelain", cwd=copy).splitlines()
    assert changed == [" M dvc.lock", " M params.yaml"]  # the page of plots is ignored


def test_a_former_commit_comes_back_without_a_run(copy):
    params = copy / "params.yaml"
    params.write_text(params.read_text().replace("min_interocular_px: 8.0", EDIT))
    command("dvc", "repro", TARGET, cwd=copy)
    command("git", "commit", "-qam", "Larger faces", cwd=copy)
    command("git", "checkout", "HEAD~1", "--", "params.yaml", "dvc.lock", cwd=copy)
    command("dvc", "checkout", TARGET, "--with-deps", cwd=copy)
    assert ran(command("dvc", "repro", TARGET, cwd=copy)) == []
    assert json.loads((copy / "reports/summary/photos/align.json").read_text())["out"] == 3


def test_an_experiment_shows_numbers_beside_those_of_the_commit(copy):
    setting = "align.min_interocular_px=60.0"
    command("dvc", "exp", "run", "-n", "large", "-S", setting, TARGET, cwd=copy)
    shown = json.loads(command("dvc", "exp", "show", "--json", cwd=copy))
    commit = next(each for each in shown if each["rev"] != "workspace")
    (experiment,) = (state for each in commit["experiments"] for state in each["revs"])
    found = [
        state["data"]["metrics"]["reports/summary/photos/align.json"]["data"]
        for state in (commit, experiment)
    ]
    assert [(values["out"], values["rejected"]) for values in found] == [(3, 0), (0, 3)]
    differing = command("dvc", "exp", "show", "--only-changed", "--csv", cwd=copy)
    columns = differing.splitlines()[0].split(",")
    assert "align.min_interocular_px" in columns
    assert any(column.endswith("align.json:rejected") for column in columns)
    assert "align.template" not in columns
    text = (copy / "params.yaml").read_text()
    assert "min_interocular_px: 60.0" in text
    assert "# 0..1000, between the eyes; smaller faces are rejected" in text


def test_a_clone_pulls_and_runs_nothing(copy, tmp_path):
    command("dvc", "remote", "add", "-d", "store", str(tmp_path / "store"), cwd=copy)
    command("git", "commit", "-q", "-am", "Remote", cwd=copy)
    command("dvc", "push", "-q", TARGET, "--with-deps", cwd=copy)
    command("git", "clone", "-q", str(copy), "clone", cwd=tmp_path)
    clone = tmp_path / "clone"
    command("dvc", "pull", "-q", TARGET, "--with-deps", cwd=clone)
    assert ran(command("dvc", "repro", TARGET, cwd=clone)) == []
    assert command("git", "status", "--porcelain", cwd=clone) == ""
    for name in ("reports/contact/photos/align.png", "reports/metrics/photos/align.json"):
        assert (clone / name).read_bytes() == (copy / name).read_bytes()
    shown = json.loads(command("dvc", "metrics", "show", "--json", cwd=clone))[""]["data"]
    assert shown["reports/summary/photos/align.json"]["data"]["out"] == 3


def test_a_prepared_set_is_got_and_imported_elsewhere(project, tmp_path):
    command("git", "init", "-q", cwd=tmp_path)
    command("dvc", "init", "-q", cwd=tmp_path)
    command("dvc", "get", "-q", str(project), "data/photos/align", "-o", "got", cwd=tmp_path)
    command("dvc", "import", "-q", str(project), "data/photos/align", "-o", "set", cwd=tmp_path)
    files = sorted(path.name for path in (project / "data/photos/align").glob("*.parquet"))
    assert files
    for name in ("got", "set"):
        assert sorted(path.name for path in (tmp_path / name).glob("*.parquet")) == files
    assert (tmp_path / "set.dvc").is_file()


def test_parts_of_the_pipeline_run_alone(copy):
    assert ran(command("dvc", "repro", "-f", "-s", "ingest@photos", cwd=copy)) == ["ingest@photos"]
    downstream = command("dvc", "repro", "--dry", "--downstream", "-f", "detect@photos", cwd=copy)
    stages = ran(downstream)
    assert stages[:2] == ["detect@photos", TARGET]
    assert "ingest@photos" not in stages
    assert "parts@photos" in stages
    assert command("git", "status", "--porcelain", cwd=copy) == ""
