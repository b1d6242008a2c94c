"""``crossband doctor``: what is missing is named with its fix, what is there is not."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ParamsError
from pipeline.params.installed import check_installed
from pipeline.weights import load_registry

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A project of which nothing ran."""
    for name in ("dvc.yaml", "params.yaml", "weights.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(*words):
    done = CliRunner().invoke(app, ["doctor", "--json", *words])
    return {each["what"]: each for each in json.loads(done.stdout)}, done.exit_code


def test_a_bare_project_lacks_weights_data_and_dvc(bare):
    found, code = findings()
    assert code == 1
    assert found["params"]["state"] == "ok"
    assert found["weights"]["state"] == "note"
    assert "sface" in found["weights"]["found"]
    assert found["data set sample"]["fix"] == "dvc repro makes it"
    assert found["DVC"] | {"what": ""} == {
        "what": "",
        "state": "problem",
        "found": "not set up here",
        "fix": "dvc init (--no-scm without git)",
    }


@pytest.mark.parametrize("text", ["version: 0.0.1\n", "<<<<<<< HEAD\nversion: 0.0.1\n"])
def test_a_project_of_another_version_is_a_problem_as_no_stage_runs_it(bare, text):
    assert "version" not in findings()[0]
    (bare / "crossband.yaml").write_text(text)
    found, code = findings()
    assert (found["version"]["state"], code) == ("problem", 1)
    assert found["version"]["found"].startswith("crossband.yaml: ")
    with pytest.raises(ParamsError, match=r"crossband\.yaml: "):
        check_installed()


def test_weights_that_lie_in_a_cache_are_told_from_those_to_download(bare, tmp_path, monkeypatch):
    content = b"a small network"
    text = (bare / "weights.yaml").read_text()
    registry = load_registry(bare / "weights.yaml")
    sha256 = hashlib.sha256(content).hexdigest()
    text = text.replace(registry["yunet"].sha256, sha256)
    text = text.replace(f"bytes: {registry['yunet'].bytes}\n", f"bytes: {len(content)}\n")
    (bare / "weights.yaml").write_text(text)
    monkeypatch.setenv("CROSSBAND_CACHE", str(tmp_path / "cache"))
    hidden = findings()[0]["weights"]
    assert "in the cache" not in hidden["found"]
    assert re.search(r"to download, \d+ MB: .*\byunet\b", hidden["found"])
    assert "which files to put where" in hidden["fix"]
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    (tmp_path / "cache" / "weights" / sha256).write_bytes(content)
    near, far = findings()[0]["weights"]["found"].split("; to download")
    assert near.endswith("in the cache or $CROSSBAND_WEIGHTS: yunet")
    assert "sface" in far
    assert "yunet" not in far


@pytest.mark.parametrize("package", ["cv2", "torch"])
def test_a_package_that_does_not_load_is_told_and_ends_nothing(bare, tmp_path, package):
    broken = tmp_path / "broken" / package
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('lib.so: cannot open')")
    done = subprocess.run(
        [sys.executable, "-c", "from pipeline.cli import main; main()", "doctor", "--json"],
        env=os.environ | {"PYTHONPATH": f"{broken.parent}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {each["what"]: each for each in json.loads(done.stdout)}
    told = found["OpenGL" if package == "cv2" else "torch"]
    assert (done.returncode, told["state"]) == (1, "problem")
    assert "lib.so: cannot open" in told["found"]
    assert "install" in told["fix"]


def test_a_machine_without_git_is_told(bare, monkeypatch):
    monkeypatch.setenv("PATH", str(bare))
    found, code = findings()
    assert code == 1
    assert found["git"]["state"] == "problem"
    assert "install git" in found["git"]["fix"]


def test_ones_own_images_that_are_not_there_are_a_problem(bare):
    mine = "datasets:\n  mine: {reader: folder, root: photos, shards: 1}\n"
    text = (bare / "params.yaml").read_text()
    (bare / "params.yaml").write_text(re.sub(r"^datasets:.*\n", mine, text, count=1, flags=re.M))
    assert findings()[0]["data set mine"]["state"] == "problem"
    (bare / "photos").mkdir()
    assert findings()[0]["data set mine"]["state"] == "problem"  # an empty folder is none
    (bare / "photos" / "a.jpg").write_bytes(b"x")
    assert findings()[0]["data set mine"]["state"] == "ok"
    os.mkfifo(bare / "photos" / "pipe.jpg")  # DVC itself waits for it
    found, code = findings()
    assert code == 1
    assert "pipe.jpg: it is not a regular file" in found["data set mine"]["found"]
    assert "would stop at mine" in found["DVC"]["found"]


@pytest.mark.parametrize("inside", [False, True])
def test_a_folder_that_cannot_be_looked_into_is_told_and_all_else_too(bare, inside):
    """Longer than the system takes: to an administrator no folder is closed."""
    long = "/".join(["x" * 200] * 25)
    root = "photos" if inside else long
    mine = f"datasets:\n  mine: {{reader: folder, root: {root}, shards: 1}}\n"
    text = (bare / "params.yaml").read_text()
    (bare / "params.yaml").write_text(re.sub(r"^datasets:.*\n", mine, text, count=1, flags=re.M))
    here = os.open(bare, os.O_RDONLY)
    for name in ("photos", *long.split("/")):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    found, code = findings()
    assert code == 1
    assert found["data set mine"]["state"] == "problem"
    assert found["data set mine"]["found"].endswith(": File name too long")
    assert found["DVC"]["found"] == "not checked: it would stop at mine"


def test_a_weight_file_of_another_content_is_a_problem(bare):
    registry = load_registry(bare / "weights.yaml")
    (bare / "weights").mkdir()
    (bare / "weights" / registry["sface"].file).write_bytes(b"x")
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    assert "problem weights: wrong sha256: sface\n" in done.stdout
    assert "→ remove these files, then: dvc repro weights" in done.stdout


def test_a_lock_with_a_conflict_is_told_as_params_tells_it(bare):
    (bare / ".dvc").mkdir()
    (bare / "dvc.lock").write_text("schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> b\n")
    found, code = findings()
    assert (found["DVC"]["state"], code) == ("problem", 1)
    assert found["DVC"]["found"].startswith("dvc.lock has a git conflict: take either side")


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        (
            "'dvc.yaml' is invalid.\n\nWhile scanning, in line 22\n  22 =======",
            "'dvc.yaml' is invalid.",
        ),
        ("WARNING: old\nERROR: failed to parse 'x'\n", "ERROR: failed to parse 'x'"),
        ("", "dvc status failed"),
    ],
)
def test_of_an_error_of_dvc_the_line_that_names_it_is_told(stderr, words):
    assert sys.modules["pipeline.cli.doctor"]._error_of(stderr) == words


@pytest.mark.parametrize("spoil", ["older", "cut", "gone"])
def test_a_list_of_weights_that_does_not_fit_is_a_problem_and_all_else_is_told(bare, spoil):
    path = bare / "weights.yaml"
    text = path.read_text()
    path.unlink()
    if spoil != "gone":
        spoilt = text.replace("\nsface:", "\nsface_of_then:", 1), text[:5000]
        path.write_text(spoilt[spoil == "cut"])
    found, code = findings()
    assert code == 1
    assert found["weights"]["state"] == "problem"
    assert "weights.yaml" in found["weights"]["found"]
    assert "crossband init --upgrade" in found["weights"]["fix"]
    assert found["DVC"]["state"] == "problem"  # what comes after it was looked at, too


def put(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"")


def test_rows_and_networks_of_what_left_params_are_named_with_the_command_that_removes_them(bare):
    put(
        *("data/sample/align/shard-00000-of-00016.parquet", "data/mine/1.png"),
        *("data/trained/train_nir_vis/hsst/fold-01/network.pt", "data/trained/notes/a.txt"),
    )
    assert "left over" not in findings()[0]
    put(
        *("data/old one/align/shard-00000-of-00016.parquet", "reports/metrics/old one/align.json"),
        *("reports/metrics/sample/align.json", "data/trained/train_nir_vis/former/network.pt"),
        "data/read/align/shard-00000-of-00016.parquet",
    )
    text = (bare / "params.yaml").read_text()
    root = "root: data/scenes/source/scenes"
    assert root in text
    (bare / "params.yaml").write_text(text.replace(root, "root: data/read/align"))
    left = findings()[0]["left over"]
    gone = ["data/old one", "reports/metrics/old one", "data/trained/train_nir_vis/former"]
    assert left["state"] == "note"
    assert left["found"] == f"of nothing in params.yaml: {', '.join(gone)}"
    subprocess.run(left["fix"].partition(": ")[2], shell=True, check=True)
    assert "left over" not in findings()[0]
    assert not any(Path(name).exists() for name in gone)
    assert Path("data/mine/1.png").exists()
    assert Path("reports/metrics/sample/align.json").exists()


def test_misspelt_params_are_told_with_what_params_says(bare):
    text = (bare / "params.yaml").read_text()
    (bare / "params.yaml").write_text(text.replace("\nalign:", "\nalgn:", 1))
    found, code = findings()
    assert code == 1
    assert "algn" in found["params"]["found"]
    assert found["params"]["fix"].endswith("crossband params")


def test_outside_of_a_project_the_machine_alone_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, _ = findings()
    assert found["project"]["state"] == "note"
    assert found["project"]["fix"].endswith("crossband init DIR")
    assert found["torch"]["state"] == "ok"
    assert "DVC" not in found


def test_a_missing_extra_and_a_full_disk_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    doctor = sys.modules["pipeline.cli.doctor"]  # the package calls the command so
    real = doctor.importlib.util.find_spec
    monkeypatch.setattr(
        doctor.importlib.util, "find_spec", lambda name: None if name == "lmdb" else real(name)
    )
    usage = shutil._ntuple_diskusage(10**12, 10**12, 10**9)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    found, code = findings()
    assert code == 1
    assert found["extra export"]["found"] == "lacks lmdb"
    assert found["disk"]["found"] == "1.0 GB free"
