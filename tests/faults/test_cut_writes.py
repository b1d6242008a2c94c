"""What stops a writing leaves what was there before: no half file, and nothing beside it."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.new_dataset import READERS, new_dataset
from pipeline.cli.projects import _add_lines
from pipeline.face3d.export import write_obj, write_ply
from pipeline.face3d.position_map import MAP_PX
from pipeline.synthesis.degrade.untrained import leave_note
from pipeline.synthesis.masks.files import write_design

WHITE = np.full((32, 32, 3), 255, np.uint8)


def position_map(number):
    return np.full((MAP_PX, MAP_PX, 3), number, np.float32)


def registry(folder, number, monkeypatch):
    path = folder / READERS / "__init__.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    if number == 1:
        path.write_text("READERS: dict[str, str] = {\n}\n")
    else:
        monkeypatch.chdir(folder)
        new_dataset("mine")


def ignored(folder, number, _):
    (folder / "shipped").write_text("".join(f"/{n}\n" for n in range(number)))
    (folder / "own").touch()
    _add_lines(folder / "shipped", folder / "own")
    (folder / "shipped").unlink()


WRITERS = {
    "note": lambda folder, number, _: leave_note(folder, f"{number} sharp faces"),
    "ply": lambda folder, number, _: write_ply(folder / "f.ply", position_map(number), WHITE),
    "obj": lambda folder, number, _: write_obj(folder / "f.obj", position_map(number), WHITE),
    "design": lambda folder, number, _: write_design(
        folder / "d.png", WHITE * number, WHITE[..., 0], {"kind": "own"}
    ),
    "registry": registry,
    "ignored": ignored,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_writing_that_is_stopped_leaves_what_was_there(tmp_path, monkeypatch, name):
    folder = tmp_path / "written"
    folder.mkdir()
    WRITERS[name](folder, 1, monkeypatch)
    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            WRITERS[name](folder, 2, monkeypatch)
    (folder / "shipped").unlink(missing_ok=True)
    assert contents(folder) == before
    WRITERS[name](folder, 2, monkeypatch)
    assert contents(folder) != before


def stop(*_):
    raise KeyboardInterrupt


def contents(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
