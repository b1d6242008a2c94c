"""Copies of weight files: whole, of an inode of their own; nothing is left of a killed one."""

import json
import signal
import subprocess
import sys

import pytest

from pipeline.errors import WeightsError
from pipeline.weights import fetch
from pipeline.weights.sources import cache_folder

CONTENT = b"weights " * 400

pytestmark = pytest.mark.usefixtures("quick_pip")


def test_a_file_that_a_former_version_linked_gets_an_inode_of_its_own(tmp_path, entry, package):
    registry = {"net": entry(package())}
    (fetched,) = fetch(["net"], registry, tmp_path / "weights")
    cached = cache_folder() / registry["net"].sha256
    fetched.path.unlink()
    fetched.path.hardlink_to(cached)
    fetch(["net"], registry, tmp_path / "weights")
    assert fetched.path.stat().st_nlink == cached.stat().st_nlink == 1
    assert fetched.path.read_bytes() == cached.read_bytes() == CONTENT
    assert sorted(each.name for each in fetched.path.parent.iterdir()) == [
        "net.onnx",
        "sources.json",
    ]


def test_a_linked_file_that_can_not_be_copied_is_of_use(tmp_path, entry, package, monkeypatch):
    registry = {"net": entry(package())}
    (fetched,) = fetch(["net"], registry, tmp_path / "weights")
    (tmp_path / "link").hardlink_to(fetched.path)

    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("pipeline.weights.sources.shutil.copyfile", refuse)
    assert fetch(["net"], registry, tmp_path / "weights")[0].path == fetched.path


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from pipeline.weights import fetch, load_registry

def half(origin, target):
    Path(target).write_bytes(Path(origin).read_bytes()[:100])
    os.kill(os.getpid(), signal.SIGKILL)

shutil.copyfile = half
fetch(["net"], load_registry(Path(sys.argv[1])), Path(sys.argv[2]))
"""


def test_what_a_kill_left_of_a_copy_goes_with_the_next(tmp_path, entry, monkeypatch):
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb/net.onnx").write_bytes(CONTENT)
    monkeypatch.setenv("CROSSBAND_WEIGHTS", str(tmp_path / "usb"))
    net = entry(sources=[{"kind": "url", "url": "https://127.0.0.1:9/net.onnx"}])
    (tmp_path / "weights.yaml").write_text(json.dumps({"net": net.model_dump()}))
    command = [sys.executable, "-c", KILLED, tmp_path / "weights.yaml", tmp_path / "weights"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (left,) = (tmp_path / "weights").iterdir()
    assert left.read_bytes() == CONTENT[:100]
    assert left.name.endswith(".partial")  # .dvcignore has it: DVC takes no half file for a weight
    fetch(["net"], {"net": net}, tmp_path / "weights")
    found = [each.name for each in (tmp_path / "weights").iterdir()]
    assert sorted(found) == ["net.onnx", "sources.json"]


def test_a_file_that_changes_while_it_is_copied_is_not_taken(tmp_path, entry, monkeypatch):
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb/net.onnx").write_bytes(CONTENT)
    monkeypatch.setenv("CROSSBAND_WEIGHTS", str(tmp_path / "usb"))
    other = b"W" + CONTENT[1:]
    monkeypatch.setattr("shutil.copyfile", lambda _, target: target.write_bytes(other))
    with pytest.raises(WeightsError, match=r"net\.onnx changed while it was copied: sha256"):
        fetch(["net"], {"net": entry()}, tmp_path / "weights")
    assert list((tmp_path / "weights").iterdir()) == []
