"""A `dvc.lock` that a kill cut off is noticed, with the way out."""

import sys
from pathlib import Path

import pytest
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import parse_yaml

from pipeline import cli
from pipeline.cli.lock import check_lock, check_running
from pipeline.errors import StageError

ROOT = Path(__file__).resolve().parents[2]
LOCK = """schema: '2.0'
stages:
  weights:
    cmd: python -m stages.weights
    deps:
    - path: weights.yaml
      hash: md5
      md5: 0123456789abcdef0123456789abcdef
      size: 12
"""


def test_a_whole_lock_and_none_are_in_order(tmp_path):
    check_lock(tmp_path / "dvc.lock")
    (tmp_path / "dvc.lock").write_text(LOCK)
    check_lock(tmp_path / "dvc.lock")


@pytest.mark.parametrize("length", [0, 5, 14, 21, 30, 110])
def test_a_lock_that_was_cut_is_told(tmp_path, length):
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK[:length])
    with pytest.raises(StageError, match=r"dvc\.lock is cut off.*remove it and run `dvc repro`"):
        check_lock(path)


@pytest.mark.parametrize("length", range(len(LOCK)))
def test_no_lock_passes_that_dvc_does_not_read(tmp_path, length):
    """Cut anywhere: before a number, in one, in a digest that then is a number."""
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK[:length])
    try:
        check_lock(path)
    except StageError:
        return
    COMPILED_LOCKFILE_SCHEMA(parse_yaml(path.read_text(), str(path)))


def test_zeros_are_told(tmp_path):
    """As a power failure leaves them."""
    (tmp_path / "dvc.lock").write_bytes(bytes(400))
    with pytest.raises(StageError, match="is cut off"):
        check_lock(tmp_path / "dvc.lock")


CONFLICT = (
    LOCK.replace("      md5: 0", "<<<<<<< HEAD\n      md5: 0")
    + "=======\n      md5: fedcba9876543210fedcba9876543210\n      size: 12\n>>>>>>> theirs\n"
)


def test_a_conflict_that_git_left_is_told_with_the_way_out(tmp_path):
    """Nothing of it is to be removed: either side is whole."""
    path = tmp_path / "dvc.lock"
    path.write_text(CONFLICT)
    with pytest.raises(StageError) as told:
        check_lock(path)
    assert str(told.value) == (
        f"{path} has a git conflict: take either side (`git checkout --ours {path}`), "
        "then `dvc repro`"
    )


def test_the_command_that_checks_params_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "dvc.lock").write_text(LOCK[:30])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["crossband", "params"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    assert "error: dvc.lock is cut off" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", '{"read": {"data/mine', "\0\0\0"])
def test_a_note_of_running_stages_that_was_cut_is_told(tmp_path, text):
    path = tmp_path / "rwlock"
    check_running(path)
    path.write_text('{"read": {}, "write": {}}')
    check_running(path)
    path.write_text(text)
    with pytest.raises(StageError, match=r"rwlock is cut off.*make sure that none does, remove it"):
        check_running(path)
