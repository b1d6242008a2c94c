"""Nobody's files are touched: an export replaces what its manifest lists, and nothing else."""

import errno
import json

import pytest
from stage_data import contents

from pipeline.errors import ExportError, StageError
from pipeline.exporters import ownership
from pipeline.exporters.importing import import_export, read_manifest
from pipeline.exporters.storage import Sink


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_users_files_inside_an_export_stay(put, tmp_path):
    out = put("folder", verify=False)
    (out / "data").mkdir()
    (out / "data/mine.csv").write_text("years of work")
    (out / "images/notes").mkdir()
    (out / "_parts").mkdir()
    (out / "_parts/mine.json").write_text('{"key": 1}')
    (out / "link").symlink_to(tmp_path / "nowhere")
    put("folder", verify=False, overwrite=True, where="band = 'NIR'")
    listed = {entry.path for entry in read_manifest(str(out)).files}
    mine = {"data/mine.csv", "_parts/mine.json", "link"}
    assert ownership.entries_below(out) == listed | mine | {"manifest.json"}
    assert (out / "data/mine.csv").read_text() == "years of work"
    assert (out / "images/notes").is_dir()
    assert (out / "link").readlink() == tmp_path / "nowhere"


def test_a_linked_folder_inside_an_export_is_not_followed(put, tmp_path):
    out = put("folder", verify=False)
    (out / "images").rename(tmp_path / "moved")
    (out / "images").symlink_to(tmp_path / "moved")
    before = contents(tmp_path / "moved")
    with pytest.raises(ExportError, match="has the name of one of its files: move it away"):
        put("folder", verify=False, overwrite=True, where="band = 'NIR'")
    assert contents(tmp_path / "moved") == before
    assert (out / "images").is_symlink()


def test_a_refused_export_leaves_no_second_name_that_the_next_one_writes_to(put, tmp_path):
    out = put("folder", verify=False, where="band = 'NIR'")
    (out / "README.md").write_text("MY OWN NOTES")
    (out / "subjects.csv").write_text("mine")
    for form in ("webdataset", "parquet"):
        with pytest.raises(ExportError, match="has the name of one of its files: move it away"):
            put(form, to=out, verify=False, overwrite=True)
    assert (out / "README.md").read_text() == "MY OWN NOTES"
    assert (out / "subjects.csv").read_text() == "mine"


def test_a_kill_behind_the_second_names_leaves_the_users_files(put, tmp_path, monkeypatch):
    out = put("folder", verify=False, where="band = 'NIR'")
    (out / "README.md").write_text("MY OWN NOTES")
    (tmp_path / "elsewhere").mkdir()
    (out / "data").symlink_to(tmp_path / "elsewhere")

    def killed(self, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(out), "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            put("folder", verify=False, overwrite=True, where="band = 'VIS'")
    with pytest.raises(ExportError, match="has the name of one of its files: move it away"):
        put("parquet", to=out, verify=False, overwrite=True)
    assert (out / "README.md").read_text() == "MY OWN NOTES"
    assert not [*(tmp_path / "elsewhere").iterdir()]


@pytest.mark.parametrize(
    "text",
    [
        '{"manifest_version": 3, "name": "a browser extension"}',
        '{"files": []}',
        '{"crossband_export": 1, "files": [{"path": "thesis.tex"}]}',
        "no json",
    ],
)
def test_a_folder_with_somebody_elses_manifest_is_no_export(put, tmp_path, text):
    out = tmp_path / "out-folder"
    out.mkdir()
    (out / "manifest.json").write_text(text)
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(ExportError, match=r"manifest\.json is not the manifest of an export"):
        put("folder", overwrite=True, verify=False)
    assert everything(out) == ["manifest.json", "thesis.tex"]


def test_a_manifest_that_lists_files_outside_is_none(put, tmp_path):
    out = put("folder", verify=False)
    (tmp_path / "thesis.tex").write_text("years of work")
    values = json.loads((out / "manifest.json").read_text())
    for path in ("../thesis.tex", str(tmp_path / "thesis.tex"), "images/../../thesis.tex"):
        values["files"][0]["path"] = path
        (out / "manifest.json").write_text(json.dumps(values))
        for attempt in (
            lambda: put("folder", verify=False, overwrite=True),
            lambda: import_export(str(out), tmp_path / "back"),
        ):
            with pytest.raises(ExportError, match="would leave the export"):
                attempt()
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_hidden_siblings_are_left_alone(put, tmp_path):
    lock = tmp_path / ".out-folder.lock"
    lock.write_text("mine")
    for name in (".out-folder.partial", ".out-folder.former", ".back.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("mine")
    before = set(everything(tmp_path))
    out = put("folder", verify=False)
    put("folder", verify=False, overwrite=True)
    import_export(str(out), tmp_path / "back")
    assert before <= set(everything(tmp_path))
    assert lock.read_text() == "mine"


@pytest.mark.parametrize("kind", ["partial", "former"])
def test_what_bears_a_working_name_and_is_none_of_ours_is_refused(put, tmp_path, kind):
    folder = tmp_path / f".out-folder.crossband-{kind}"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"is in the way and is not an export"):
        put("folder", verify=False)
    assert (folder / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("kind", ["partial", "former"])
def test_a_link_that_bears_a_working_name_is_refused(put, tmp_path, kind):
    """Whoever may write beside an export would have another one emptied by it."""
    (tmp_path / "mine").mkdir()
    other = put("parquet", to=tmp_path / "mine/set", verify=False)
    (other / "notes.txt").write_text("mine")
    before = contents(other)
    put("folder", verify=False)
    (tmp_path / f".out-folder.crossband-{kind}").symlink_to(other)
    with pytest.raises(ExportError, match=r"is in the way and is a link: move it away"):
        put("folder", verify=False, overwrite=True)
    assert contents(other) == before


def test_a_link_in_the_place_of_the_lock_is_not_followed(put, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / ".out-folder.crossband.lock").symlink_to(tmp_path / "thesis.tex")
    with pytest.raises(StageError, match=r"crossband\.lock: Too many levels of symbolic links"):
        put("folder", verify=False)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_link_is_followed_before_anything_is_written(put, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk/set")
    put("folder", to=tmp_path / "link", verify=False)
    assert (tmp_path / "link").is_symlink()
    put("folder", to=tmp_path / "link", verify=False, overwrite=True, where="band = 'NIR'")
    assert (tmp_path / "link").is_symlink()
    assert read_manifest(str(tmp_path / "disk/set")).rows == 12
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ExportError, match="loop of links"):
        put("folder", to=tmp_path / "loop", verify=False)


def test_no_lock_and_no_working_folder_stays_beside_an_export(put, tmp_path):
    (tmp_path / "place").mkdir()
    put("folder", to=tmp_path / "place/set", verify=False)
    put("folder", to=tmp_path / "place/set", verify=False, overwrite=True)
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["set"]


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_kill_between_the_renames_loses_nothing(put, tmp_path, monkeypatch, call):
    out = put("folder", verify=False)
    (out / "mine.csv").write_text("years of work")
    true, calls = type(out).replace, []

    def interrupted(self, target):
        calls.append(self)
        if len(calls) == call:
            raise KeyboardInterrupt
        return true(self, target)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(out), "replace", interrupted)
        if call == 3:
            patch.setattr("pipeline.exporters.target.remove_listed", killed)
        with pytest.raises(KeyboardInterrupt):
            put("folder", verify=False, overwrite=True, where="band = 'NIR'")
    found = [*tmp_path.rglob("mine.csv")]
    assert {path.read_text() for path in found} == {"years of work"}
    put("folder", verify=False, overwrite=True, where="band = 'VIS'")
    assert read_manifest(str(out)).rows == 12
    assert (out / "mine.csv").read_text() == "years of work"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert contents(out).keys() == {
        "mine.csv",
        "manifest.json",
        *(entry.path for entry in read_manifest(str(out)).files),
    }


@pytest.mark.parametrize("behind", ["partial/_parts/claim.json", "former/manifest.json"])
def test_a_kill_behind_what_says_whose_a_folder_is_can_go_on(put, tmp_path, monkeypatch, behind):
    out = put("folder", verify=False)
    true = type(out).unlink

    def killed(self, missing_ok=False):
        true(self, missing_ok=missing_ok)
        if str(self).endswith(f".crossband-{behind}"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(out), "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            put("folder", verify=False, overwrite=True, where="band = 'NIR'")
    put("folder", verify=False, overwrite=True, where="band = 'VIS'")
    assert read_manifest(str(out)).rows == 12
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_an_error_of_the_disk_is_told_not_ignored(put, monkeypatch):
    out = put("folder", verify=False)
    (out / "mine.csv").write_text("years of work")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ownership.os, "link", full)
        with pytest.raises(ExportError, match="is full"):
            put("folder", verify=False, overwrite=True, where="band = 'NIR'")
    assert read_manifest(str(out)).rows == 24
    assert (out / "mine.csv").read_text() == "years of work"


def test_a_cut_receipt_is_no_receipt(put, tmp_path, monkeypatch):
    def interrupt(self, unit, key):
        Sink(self.store).put_now(f"_parts/{unit}.json", b'{"key": "cut')
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Sink, "receipt", interrupt)
        with pytest.raises(KeyboardInterrupt):
            put("folder", verify=False)
    assert read_manifest(str(put("folder", verify=False))).rows == 24
