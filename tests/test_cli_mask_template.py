"""The commands around masks and meshes, by their words."""

import cv2
import numpy as np
import pytest

from pipeline.cli.mask_template import mask_template
from pipeline.cli.mesh import mesh
from pipeline.errors import ReaderError, StageError
from pipeline.synthesis.masks.drawn import BUILTIN


def test_list_names_all_templates_and_draws_them(tmp_path, capsys):
    mask_template(show=True, out=tmp_path / "all.png", polygon="", material="cotton")
    printed = capsys.readouterr().out
    assert all(name in printed for name in BUILTIN)
    assert cv2.imread(str(tmp_path / "all.png")).shape[1] == 6 * 256


def test_a_sheet_is_written_where_it_is_said_to_be_or_it_is_an_error(tmp_path, capsys):
    mask_template(show=True, out=tmp_path / "new" / "all.png", polygon="", material="cotton")
    assert (tmp_path / "new" / "all.png").is_file()
    for out in (tmp_path / "all", tmp_path / "all.jpg"):
        with pytest.raises(StageError, match=r"the extension \.png"):
            mask_template(show=True, out=out)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        mask_template(show=True, out=tmp_path / "file" / "all.png")


def test_check_tells_what_is_wrong(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "bad.png"), np.full((256, 256, 3), 9, np.uint8))
    with pytest.raises(ReaderError, match="no alpha channel"):
        mask_template(check=tmp_path / "bad.png")
    good = np.zeros((256, 256, 4), np.uint8)
    good[120:230, 60:196] = 255
    cv2.imwrite(str(tmp_path / "good.png"), good)
    mask_template(check=tmp_path / "good.png")
    assert "in order" in capsys.readouterr().out


def test_missing_words_are_told(tmp_path):
    with pytest.raises(StageError, match="--help"):
        mask_template()
    with pytest.raises(StageError, match="wool"):
        mask_template(photo=tmp_path / "a.jpg", out=tmp_path / "b.png", material="wool")
    with pytest.raises(StageError, match=r"\.obj or \.ply"):
        mesh(tmp_path, "a", tmp_path / "face.stl")
