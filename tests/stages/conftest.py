"""A workspace of one's own per test: the project's params with a folder of images as data set."""

import importlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from edited_params import edit

from pipeline.params.load import load_params
from pipeline.store import ShardFolder
from stages.run import StageRun

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Workspace:
    """A project folder with a data set ``mine`` in ``images/``; the current directory."""

    path: Path
    weight_file: Callable[[str], Path]
    kept: Path

    def once(self, name: str, prepare: Callable[[], None]) -> None:
        """Prepare the workspace; the second time by a copy of what the first time left.

        Args:
            name: of what is prepared, one for each ``prepare``.
            prepare: puts images and runs stages.
        """
        kept = self.kept / name
        if kept.exists():
            shutil.copytree(kept, self.path, symlinks=True, dirs_exist_ok=True)
            return
        prepare()
        shutil.copytree(self.path, kept, symlinks=True)

    def edit(self, **sections: Any) -> None:
        """Lay values over params.yaml."""
        edit(self.path / "params.yaml", **sections)

    def need(self, *names: str) -> None:
        """Put weight files into place."""
        (self.path / "weights").mkdir(exist_ok=True)
        for name in names:
            source = self.weight_file(name)
            target = self.path / "weights" / source.name
            if not target.exists():
                target.symlink_to(source)

    def run(self, *stages: str) -> StageRun:
        """Run stages in this process; returns the last run."""
        for name in stages:
            run = StageRun(name, "mine", load_params(Path("params.yaml")))
            importlib.import_module(f"stages.{name}").run(run)
        return run

    def rows(self, stage: str) -> dict[str, dict[str, Any]]:
        """Rows of a stage's output by id."""
        return {row["sample_id"]: row for row in self.folder(stage).rows()}

    def rejected(self, stage: str) -> dict[str, str]:
        """Reasons of a stage's rejected rows by id."""
        return {row["sample_id"]: row["reason"] for row in self.folder(stage).rejected.rows()}

    def folder(self, stage: str) -> ShardFolder:
        """A stage's output."""
        return ShardFolder.open(Path("data/mine", stage))

    def metrics(self, stage: str) -> dict[str, Any]:
        """A stage's metrics."""
        return json.loads(Path("reports/metrics/mine", f"{stage}.json").read_text())


@pytest.fixture(scope="session")
def kept(tmp_path_factory) -> Path:
    """Where ``Workspace.once`` keeps what it prepared."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def workspace(tmp_path, monkeypatch, weight_file, kept) -> Workspace:
    """See ``Workspace``; one worker in this process, for speed."""
    return make_workspace(tmp_path, monkeypatch, weight_file, kept)


@pytest.fixture(scope="module")
def own_workspace(tmp_path_factory, weight_file, kept) -> Iterator[Workspace]:
    """One for all tests of a module, the current directory to its end."""
    with pytest.MonkeyPatch.context() as patch:
        yield make_workspace(tmp_path_factory.mktemp("own"), patch, weight_file, kept)


def make_workspace(path, monkeypatch, weight_file, kept) -> Workspace:
    """Make a workspace in an empty folder, which becomes the current directory."""
    shutil.copy(ROOT / "weights.yaml", path)
    shutil.copy(ROOT / "params.yaml", path)
    (path / "images").mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setenv("CROSSBAND_EXECUTOR", "serial")
    made = Workspace(path, weight_file, kept)
    mine = {"reader": "folder", "root": "images", "shards": 2}
    made.edit(
        datasets={"sample": None, "scenes": None, "mine": mine},
        face_datasets={"mine": {}},
    )
    return made
