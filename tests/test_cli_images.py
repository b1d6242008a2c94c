"""``crossband init --images``: which source params name, what is refused, what git leaves out."""

import contextlib
import subprocess

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.testing.images import put_images, put_text


def crossband(*words, cwd):
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize(
    ("target", "source"),
    [
        ("mine", {"root": "photos", "list": "faces.csv"}),
        ("photos/mine", {"root": "photos/faces.csv"}),
    ],
)
def test_a_projects_list_is_that_of_its_folder_unless_the_project_lies_there(
    tmp_path, target, source
):
    put_images(tmp_path, ["photos/1.png"])
    (tmp_path / "photos/faces.csv").write_text("path\n1.png\n")
    done = crossband("init", target, "--images", "photos/faces.csv", cwd=tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    told = "not when an image is replaced: it does in a project outside of" in done.stdout
    assert told == ("list" not in source)
    photos = YAML(typ="safe").load((tmp_path / target / "params.yaml").read_text())["datasets"]
    root = str(tmp_path / source["root"])
    assert photos["photos"] == {"reader": "folder", **source, "root": root, "shards": 16}


@pytest.mark.parametrize("name", ["photos.zip", "anna.jpg"])
def test_a_project_of_one_file_is_refused_before_it_is_made(tmp_path, name):
    """Its first stage would refuse it."""
    (tmp_path / name).write_bytes(b"PK")
    done = crossband("init", "mine", "--images", name, cwd=tmp_path)
    assert done.exit_code == 1
    assert f"{name} is one file: expected a folder of images, unpacked, or a .csv" in str(
        done.exception
    )
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("files", "images", "message"),
    [
        ({}, "photos", "under {}/photos (.bmp"),
        ({"a/notes.txt": "", ".b/1.png": "", "a/.1.png": ""}, "photos", "found 1 .txt"),
        ({"l.csv": "file\n1.png\n", "1.png": ""}, "photos/l.csv", "expected a column 'path'"),
        ({"l.csv": "path\n"}, "photos/l.csv", "found the header alone"),
        (
            {"l.csv": "path\n/x/1.png\n"},
            "photos/l.csv",
            "line 2: path '/x/1.png' has to be relative",
        ),
        ({"l.csv": "path\na.png\nb.png\n"}, "photos/l.csv", "can be read, the first is 'a.png'"),
    ],
)
def test_images_that_the_first_stage_refuses_are_refused_before_a_project_is_made(
    tmp_path, files, images, message
):
    (tmp_path / "photos").mkdir()
    for name, text in files.items():
        put_text(tmp_path / "photos" / name, [text], end="")
    done = crossband("init", "mine", "--images", images, cwd=tmp_path)
    assert done.exit_code == 1
    assert message.format(tmp_path) in str(done.exception)
    assert not (tmp_path / "mine").exists()


def test_images_that_readme_draws_and_rows_that_dvc_brings_back_are_not_committed(tmp_path):
    """They show faces."""
    assert crossband("init", "mine", cwd=tmp_path).exit_code == 0
    put_images(tmp_path / "mine", ["faces.png", "way.png", "old/data/photos/align/1.png"])
    put_images(tmp_path / "mine", ["designs/mine.png"])
    seen = subprocess.run(
        ["git", "status", "--porcelain"],
        cwd=tmp_path / "mine",
        text=True,
        capture_output=True,
        check=True,
    )
    assert seen.stdout == "?? designs/\n"


@pytest.mark.parametrize("target", ["mine", ".", "a/b"])
def test_a_project_within_its_images_is_refused_before_it_is_made(tmp_path, target):
    """DVC would refuse each of its stages."""
    folder = tmp_path / "photos"
    folder.mkdir()
    done = crossband("init", target, "--images", ".", cwd=folder)
    assert done.exit_code == 1
    assert "lies in the folder of the images" in str(done.exception)
    assert not list(folder.iterdir())
