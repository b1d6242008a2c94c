"""The command ``crossband``: what it prints, and one clear message where something is wrong."""

import contextlib
import io
import json
import os
import runpy
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from forked import run_python
from ruamel.yaml import YAML

from pipeline import testing
from pipeline.cli import main
from pipeline.errors import ParamsError
from pipeline.exporters import HOLDS
from pipeline.params.installed import check_installed, installed_version
from pipeline.testing.images import put_images

ROOT = Path(__file__).resolve().parents[1]
WHO = {"NAME": "me", "EMAIL": "me@localhost"}
NAMED = {f"GIT_{who}_{what}": WHO[what] for who in ("AUTHOR", "COMMITTER") for what in WHO}


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


def test_a_mask_design_that_is_none_is_told_before_any_work(tmp_path):
    params = (ROOT / "params.yaml").read_text()
    assert "- surgical_blue\n" in params
    for own, said in (
        ("{}", "mask design 'surgical_bleu' is none of"),
        (
            f"{{surgical_bleu: {tmp_path / 'own.png'}}}",
            "own.png is not an image: expected an RGBA PNG",
        ),
    ):
        (tmp_path / "own.png").write_text("no image")
        changed = params.replace("- surgical_blue\n", "- surgical_bleu\n", 1)
        (tmp_path / "params.yaml").write_text(changed.replace("  own: {}", f"  own: {own}", 1))
        done = crossband("params", tmp_path / "params.yaml")
        assert done.returncode == 1
        assert said in done.stderr


def test_a_workspace_is_a_copy_with_params_of_its_own(tmp_path):
    target = tmp_path / "trial"
    assert crossband("workspace", target, "--profile", "params/tiny.yaml").returncode == 0
    values = YAML(typ="safe").load((target / "params.yaml").read_text())
    assert values["sample"]["openpeople"]["subjects"] == 1
    assert values["align"]["template"] == "arcface144"
    assert (target / "stages/align.py").read_text() == (ROOT / "stages/align.py").read_text()
    assert (target / "ablations/stages.yaml").is_file()
    assert (target / ".dvc/config").read_text() == (ROOT / ".dvc/config").read_text()
    comment = "# 1..65536 Parquet files per stage"
    assert comment in (target / "params.yaml").read_text()
    assert git(target, "log", "--format=%s") == "Start of the project\n"
    assert git(target, "status", "--porcelain") == ""
    assert not list(target.rglob("*.pyc"))


def test_a_workspace_need_not_compile_its_kernels_again(tmp_path):
    script = tmp_path / "normals.py"
    script.write_text(
        "import numpy as np\nfrom pipeline.ops import raster\n"
        "raster.vertex_normals(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))\n"
        "stats = raster._sum_normals.stats\n"
        "print(raster.__file__, sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))"
    )
    runpy.run_path(script)
    target = tmp_path / "trial"
    assert crossband("workspace", target, "--profile", "params/tiny.yaml").returncode == 0
    done = run_python([script], cwd=target, environment=os.environ)
    assert done.stdout == f"{target}/pipeline/ops/raster.py 1 0\n"


def git(folder, *words):
    done = subprocess.run(["git", *words], cwd=folder, text=True, capture_output=True, check=True)
    return done.stdout


def test_a_project_of_ones_own_has_params_and_stages_and_no_code(tmp_path):
    put_images(tmp_path, ["photos/1.png"])
    done = crossband("init", "mine", "--images", "photos", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    made = tmp_path / "mine"
    assert not [path for path in made.rglob("*.py") if ".git" not in path.parts]
    assert git(made, "status", "--porcelain") == ""
    values = YAML(typ="safe").load((made / "params.yaml").read_text())
    assert values["datasets"]["photos"]["root"] == str(tmp_path / "photos")
    assert list(values["datasets"]) == list(values["face_datasets"]) == ["photos"]
    emptied = (made / "params.yaml").read_text().partition("\nsynthesis_datasets: {} ")[2]
    assert emptied.splitlines()[1].strip() == "# and degraded; {}: none"
    assert "# 0..1; at 0.6 some background is taken for faces" in (made / "params.yaml").read_text()
    stages = YAML(typ="safe").load((made / "dvc.yaml").read_text())["stages"]
    theirs = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
    assert stages.keys() == theirs.keys()
    for name, stage in stages.items():
        own, copied = stage.get("do", stage), theirs[name].get("do", theirs[name])
        assert {"crossband.yaml": ["version"]} in own["params"]
        assert own["outs"] == copied["outs"]
        code = ("stages/", "pipeline/", "models/")
        assert own["deps"] == [dep for dep in copied["deps"] if not dep.startswith(code)]
    assert crossband("params", cwd=made).returncode == 0


def test_what_comes_next_can_be_typed_as_it_stands(tmp_path):
    done = crossband("init", "my photos' project", cwd=tmp_path)
    words = shlex.split(done.stdout.splitlines()[-1].removeprefix("next: "))
    assert words == ["cd", "my photos' project", "&&", "dvc", "repro"]


@pytest.mark.parametrize("command", ["init", "workspace"])
def test_without_git_nothing_is_begun(tmp_path, monkeypatch, command):
    monkeypatch.setattr("shutil.which", lambda name: None)
    done = crossband(command, tmp_path / "new")
    assert done.returncode == 1
    assert "git is not on the PATH" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_project_of_another_version_is_refused_until_it_is_taken_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert crossband("init", "mine", cwd=tmp_path).returncode == 0
    monkeypatch.chdir("mine")
    check_installed()
    Path("crossband.yaml").write_text("version: 0.0.1\n")
    with pytest.raises(ParamsError, match=r"by crossband 0\.0\.1, .* `crossband init --upgrade"):
        check_installed()
    Path("params.yaml").write_text("mine: 1\n")
    # as `dvc add photos` does; of a name in another encoding
    Path(".gitignore").write_bytes(b"/M\xfcller\n/data/\n/photos")
    Path(".dvcignore").unlink()
    config = Path(".dvc/config").read_text() + "['remote \"store\"']\n    url = s3://mine\n"
    Path(".dvc/config").write_text(config)
    Path("weights.yaml").write_text("{}\n")
    assert crossband("init", "--upgrade", ".", cwd=Path.cwd()).returncode == 0
    check_installed()
    assert Path("params.yaml").read_text() == "mine: 1\n"
    assert Path(".dvc/config").read_text() == config
    ignored = Path(".gitignore").read_bytes().splitlines()
    mine = [b"/M\xfcller", b"/data/", b"/photos"]
    assert ignored[:3] == mine
    assert sorted(ignored) == sorted({*(ROOT / ".gitignore").read_bytes().splitlines(), *mine})
    for name in (".dvcignore", "weights.yaml"):
        assert Path(name).read_text() == (ROOT / name).read_text()


def test_an_upgrade_keeps_the_edits_that_git_does_not_have(tmp_path):
    assert crossband("init", "mine", cwd=tmp_path).returncode == 0
    mine = tmp_path / "mine"
    (mine / "weights.yaml").write_text("{}  # committed\n")
    subprocess.run(["git", "commit", "-qam", "mine"], cwd=mine, env=os.environ | NAMED, check=True)
    for number, former in ((1, "dvc.yaml.former"), (2, "dvc.yaml.former-2")):
        (mine / "dvc.yaml").write_text(f"stages: {{}}  # edit {number}\n")
        done = crossband("init", "--upgrade", ".", cwd=mine)
        assert f"dvc.yaml: git has not what stood there, which is kept as {former}" in done.stdout
        assert (mine / former).read_text() == f"stages: {{}}  # edit {number}\n"
        assert (mine / "dvc.yaml").read_text().startswith("# Written by `crossband init`")
    kept = sorted(path.name for path in mine.iterdir() if "former" in path.name)
    assert kept == ["dvc.yaml.former", "dvc.yaml.former-2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--images", "photos"), "--upgrade does not change params.yaml"),
        (("--profile", "mine.yaml"), "--upgrade does not change params.yaml"),
        ((), "has no crossband.yaml: no project to upgrade"),
    ],
)
def test_what_an_upgrade_cannot_do_is_told_and_nothing_written(tmp_path, words, message):
    (tmp_path / "photos").mkdir()
    (tmp_path / "mine.yaml").write_text("{}\n")
    done = crossband("init", "--upgrade", ".", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "photos"]


@pytest.mark.parametrize(
    "words",
    [("params",), ("weights",), ("workspace", "new"), ("show", "data/a/align", "-o", "x.png")],
    ids=lambda words: words[0],
)
def test_outside_a_project_commands_say_where_they_looked(tmp_path, words):
    done = crossband(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert "crossband project" in done.stderr


def test_the_version_is_printed():
    assert crossband("--version").stdout == f"crossband {installed_version()}\n"


def test_weights_are_listed_as_json(tmp_path):
    rows = json.loads(crossband("weights", "--json", "--folder", tmp_path).stdout)
    (yunet,) = (row for row in rows if row["name"] == "yunet")
    assert (yunet["licence"], yunet["commercial"], yunet["present"]) == ("MIT", True, "no")


def test_help_imports_nothing_that_is_slow():
    code = (
        "import sys; sys.argv = ['crossband', '--help']\n"
        "from pipeline.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'onnxruntime', 'cv2', 'matplotlib', 'scipy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert done.stdout.endswith("[]\n")


def test_the_help_of_export_says_what_each_format_holds():
    words = " ".join(crossband("export", "--help").stdout.split())
    assert "yolo: image, boxes, keypoints of one kind of boxes" in words
    assert [name for name, what in HOLDS.items() if f"{name}: {what}" not in words] == []


def test_a_workspace_holds_no_copy_of_itself():
    done = crossband("workspace", "params/new")
    assert done.returncode == 1
    assert "lies in params/, which is copied: name a folder elsewhere" in done.stderr
    assert not (ROOT / "params/new").exists()


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
@pytest.mark.parametrize(("command", "status"), [("show", 1), ("diff", 2)])
def test_what_is_missing_is_named(tmp_path, folder, command, status):
    more = ["-o", tmp_path / "x.png"] if command == "show" else [tmp_path]
    done = crossband(command, tmp_path / folder, *more)
    assert done.returncode == status
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


def test_check_outside_a_project_says_where_it_looked(tmp_path):
    done = crossband("check", "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert f"Looked in {tmp_path}" in done.stderr


def test_check_prints_json(buaa):
    put_images(buaa, ["thumbs/1.bmp"])
    done = crossband("check", "buaa_visnir", "--root", buaa, "--json")
    assert done.returncode == 1
    verdict = json.loads(done.stdout)
    assert verdict["in_order"] is False
    assert any("thumbs/1.bmp" in item for each in verdict["findings"] for item in each["items"])


def test_check_names_few_files_or_all(buaa):
    put_images(buaa, (f"thumbs/{number}.bmp" for number in range(1, 151)))
    few = crossband("check", "buaa_visnir", "--root", buaa).stdout
    assert "… and 145 more (--all)" in few
    everything = crossband("check", "buaa_visnir", "--root", buaa, "--all").stdout
    assert everything.count("thumbs/") == 150


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lfw", "--root", "."], "error: data set 'lfw': expected <Name>/<Name>_0001.jpg"),
        (["sample"], "error: reader 'shards' can't be checked, as no counts are published"),
        (["nothing"], "error: 'nothing' is not a data set of params.yaml"),
        (["mine"], "error: data set 'mine': expected <Name>/<Name>_0001.jpg"),
        (["mine", "--root", "."], "error: data set 'mine': expected <Name>/<Name>_0001.jpg"),
        (["nothing", "--root", "."], "error: 'nothing' is not a data set of params.yaml"),
    ],
)
def test_check_says_what_it_needs(tmp_path, words, message):
    (tmp_path / "notes.txt").touch()
    text = (ROOT / "params.yaml").read_text()
    mine = "\n  mine: {reader: lfw, root: elsewhere, shards: 1}\n  sample:\n"
    (tmp_path / "params.yaml").write_text(text.replace("\n  sample:\n", mine, 1))
    done = crossband("check", *words, cwd=tmp_path)
    assert done.returncode == 2  # 1 says that something differs
    assert done.stderr.startswith(message)
    if "expected <Name>" in message:
        end = " (here: --root)" if "--root" in words else ""
        assert done.stderr.endswith(f"; correct datasets.{words[0]}.root{end}\n")
