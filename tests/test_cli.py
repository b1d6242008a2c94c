"""The command ``crossband``: what it prints, and one clear message where something is wrong."""

import contextlib
import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from ruamel.yaml import YAML

from pipeline import testing
from pipeline.cli import main
from pipeline.testing.images import put_images

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Done:
    """What a command left, as ``subprocess`` says it."""

    returncode: int
    stdout: str
    stderr: str


def crossband(*words, cwd=ROOT):
    """Run the command in this process: one of its own takes seconds to start."""
    out, err = io.StringIO(), io.StringIO()
    status = None
    with (
        mock.patch.object(sys, "argv", ["crossband", *map(str, words)]),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
    if isinstance(status, str):  # as the interpreter does at its end
        print(status, file=err)
        status = 1
    return Done(status or 0, out.getvalue(), err.getvalue())


def test_params_are_checked():
    done = crossband("params")
    assert (done.returncode, done.stdout) == (0, "params.yaml: in order\n")


def test_a_fault_is_one_line_and_no_traceback(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text((ROOT / "params.yaml").read_text().replace("  face: larg", "  face: smal"))
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "params", str(bad)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {bad}: align.face: ")
    assert done.stderr.count("\n") == 1


def test_weights_are_listed_with_licence_and_presence(tmp_path):
    done = crossband("weights", "--folder", tmp_path)
    assert done.returncode == 0
    assert "yunet" in done.stdout
    assert "MIT" in done.stdout
    assert "no" in done.stdout


def test_a_workspace_is_a_copy_with_params_of_its_own(tmp_path):
    target = tmp_path / "trial"
    assert crossband("workspace", target, "--profile", "params/tiny.yaml").returncode == 0
    values = YAML(typ="safe").load((target / "params.yaml").read_text())
    assert values["sample"]["openpeople"]["subjects"] == 1
    assert values["align"]["template"] == "arcface144"
    assert (target / "stages/align.py").read_text() == (ROOT / "stages/align.py").read_text()
    assert (target / "ablations/stages.yaml").is_file()
    assert "no_scm = true" in (target / ".dvc/config").read_text()
    assert not list(target.rglob("__pycache__"))


def test_a_workspace_never_overwrites(tmp_path):
    (tmp_path / "precious").touch()
    done = crossband("workspace", tmp_path)
    assert done.returncode == 1
    assert "is not empty" in done.stderr


def test_a_faulty_profile_is_told_before_anything_runs(tmp_path):
    profile = tmp_path / "p.yaml"
    profile.write_text("align: {colour: red}")
    done = crossband("workspace", tmp_path / "w", "--profile", profile)
    assert done.returncode == 1
    assert "align.colour: unknown key" in done.stderr
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_show_names_what_is_missing(tmp_path, folder):
    done = crossband("show", tmp_path / folder, "-o", tmp_path / "x.png")
    assert done.returncode == 1
    assert "complete set of shards" in done.stderr


def test_check_prints_what_differs_and_exits_with_one(tmp_path):
    testing.casia_nir_vis2(tmp_path)
    (tmp_path / "s2/NIR/00002/002.bmp").unlink()
    done = crossband("check", "casia_nir_vis2", "--root", tmp_path, "--decode")
    assert done.returncode == 1
    assert "17,580" in done.stdout
    assert (
        "1 images that the official lists name are not on disk:\n  s2/NIR/00002/002" in done.stdout
    )
    assert done.stdout.endswith("casia_nir_vis2: differs from what was published\n")


def test_check_of_a_whole_copy_exits_with_zero(buaa):
    done = crossband("check", "buaa_visnir", "--root", buaa)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("buaa_visnir: in order\n")


def test_check_names_few_files_or_all(buaa):
    put_images(buaa, (f"{subject}/19.bmp" for subject in range(1, 151)))
    few = crossband("check", "buaa_visnir", "--root", buaa).stdout
    assert "… and 145 more (--all)" in few
    everything = crossband("check", "buaa_visnir", "--root", buaa, "--all").stdout
    assert everything.count("/19.bmp") == 150


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lfw", "--root", "."], "error: data set 'lfw': expected <Name>/<Name>_0001.jpg"),
        (["sample"], "error: 'shards' can't be checked"),
        (["nothing"], "error: 'nothing' is no data set of params.yaml"),
    ],
)
def test_check_says_what_it_needs(tmp_path, words, message):
    cwd = tmp_path if "--root" in words else ROOT
    (tmp_path / "notes.txt").touch()
    done = crossband("check", *words, cwd=cwd)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
