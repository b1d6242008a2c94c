"""The commands around masks and meshes, by their words."""

import cv2
import numpy as np
import pytest

from pipeline.cli.mask_design import mask_design
from pipeline.cli.mask_designs import _points
from pipeline.cli.mesh import mesh
from pipeline.errors import ReaderError, StageError
from pipeline.synthesis.masks.drawn import BUILTIN, drawn_design
from pipeline.synthesis.masks.files import read_design, write_design


def test_list_names_all_designs_and_draws_them(tmp_path, capsys):
    for _ in range(2):  # a sheet of ours is replaced
        mask_design(show=True, out=tmp_path / "all.png", polygon="", material="cotton")
    printed = capsys.readouterr().out
    assert all(name in printed for name in BUILTIN)
    assert cv2.imread(str(tmp_path / "all.png")).shape[1] == 6 * 256


def test_a_sheet_is_written_where_it_is_said_to_be_or_it_is_an_error(tmp_path, capsys):
    mask_design(show=True, out=tmp_path / "new" / "all.png", polygon="", material="cotton")
    assert (tmp_path / "new" / "all.png").is_file()
    for out in (tmp_path / "all", tmp_path / "all.jpg"):
        with pytest.raises(StageError, match=r"the extension \.png"):
            mask_design(show=True, out=out)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        mask_design(show=True, out=tmp_path / "file" / "all.png")


def test_a_command_that_asks_for_nothing_says_what_it_can_be_asked():
    with pytest.raises(StageError, match="expected a photo and --out, or --check, or --list"):
        mask_design()


def test_check_tells_what_is_wrong(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "bad.png"), np.full((256, 256, 3), 9, np.uint8))
    with pytest.raises(ReaderError, match="no alpha channel"):
        mask_design(check=tmp_path / "bad.png")
    good = np.zeros((256, 256, 4), np.uint8)
    good[120:230, 60:196] = 255
    cv2.imwrite(str(tmp_path / "good.png"), good)
    mask_design(check=tmp_path / "good.png")
    assert "in order" in capsys.readouterr().out
    (tmp_path / "good.yaml").write_text("material: wool")  # the stage would refuse it
    with pytest.raises(ReaderError, match="material 'wool' is none of"):
        mask_design(check=tmp_path / "good.png")
    with pytest.raises(ReaderError, match="there is no design"):
        mask_design(check=tmp_path / "none.png")


def test_missing_words_are_told(tmp_path):
    with pytest.raises(StageError, match="--help"):
        mask_design()
    with pytest.raises(StageError, match="wool"):
        mask_design(photo=tmp_path / "a.jpg", out=tmp_path / "b.png", material="wool")
    with pytest.raises(StageError, match=r"\.obj or \.ply"):
        mesh(tmp_path, "a", tmp_path / "face.stl")


def test_no_file_of_the_users_is_overwritten(tmp_path):
    photo = tmp_path / "me.png"
    photo.write_bytes(b"my photo")
    (tmp_path / "link.png").symlink_to(photo)
    for out in (photo, tmp_path / "x" / ".." / "me.png", tmp_path / "link.png"):
        with pytest.raises(StageError, match="the photo itself"):
            mask_design(photo=photo, out=out, material="cotton")
    (tmp_path / "params.yaml").write_text("datasets: {}\nmasks: {}\n")
    (tmp_path / "notes.yaml").write_text("- a list\n")
    for name, told in (
        ("params", r"found \['datasets', 'masks'\]"),
        ("notes", "is not a mask design's"),
    ):
        with pytest.raises(ReaderError, match=told):
            mask_design(photo=photo, out=tmp_path / f"{name}.png", material="cotton")
    (tmp_path / "own.yaml").write_text("kind: cloth\nmaterial: wool\n")  # a design's, made anew
    with pytest.raises(ReaderError, match=r"me\.png: not_an_image"):
        mask_design(photo=photo, out=tmp_path / "own.png", material="cotton")


def test_no_image_of_the_users_is_overwritten(tmp_path):
    photo = tmp_path / "me.png"
    photo.write_bytes(b"my photo")
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), np.full((256, 256, 4), 255, np.uint8))
    with pytest.raises(
        ReaderError, match=r"other\.png exists and is not a mask design with its YAML"
    ):
        mask_design(photo=photo, out=other, material="cotton")
    with pytest.raises(StageError, match=r"other\.png exists and is not a sheet of crossband's"):
        mask_design(show=True, out=other)
    (tmp_path / "other.yaml").write_text("kind: cloth\n")
    cv2.imwrite(str(other), np.full((256, 300, 3), 255, np.uint8))
    with pytest.raises(ReaderError, match=r"other\.png exists and is not a mask design"):
        mask_design(photo=photo, out=other, material="cotton")
    drawn = drawn_design("surgical_blue")
    nothing = np.zeros_like(drawn.alpha)  # a design that failed its check is made anew
    write_design(tmp_path / "own.png", drawn.rgb, nothing, {"kind": "own"})
    with pytest.raises(ReaderError, match=r"me\.png: not_an_image"):
        mask_design(photo=photo, out=tmp_path / "own.png", material="cotton")


def test_a_photo_that_is_none_is_told_in_one_line(tmp_path):
    (tmp_path / "notes.jpg").write_text("no image")
    with pytest.raises(
        ReaderError, match=r"notes\.jpg: not_an_image: it does not begin like any of"
    ):
        mask_design(photo=tmp_path / "notes.jpg", out=tmp_path / "b.png", material="cotton")


@pytest.mark.parametrize("text", ["1,2 3,x 5,6", "1,2 3 5,6", "1,2 nan,4 5,6", "1,2 1e300,4 5,6"])
def test_a_polygon_that_is_none_is_told(text):
    with pytest.raises(ValueError, match='--polygon: expected "x,y x,y x,y"'):
        _points(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: 5", "kind: expected a word, found 5"),
        ("colour:", "colour: expected a word, found None"),
        ("material: [cotton]", "material: expected a word"),
        ("loops: maybe", "loops: expected true or false, found 'maybe'"),
        ("shape: round", "unknown keys"),
        ("material: wool", "material 'wool' is none of"),
    ],
)
def test_a_designs_metadata_say_what_is_wrong(tmp_path, text, message):
    drawn = drawn_design("surgical_blue")
    write_design(tmp_path / "own.png", drawn.rgb, drawn.alpha, {"loops": True})
    assert read_design(tmp_path / "own.png", "own").loops is True
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ReaderError, match=rf"own\.yaml: {message}"):
        read_design(tmp_path / "own.png", "own")
