"""Scratch folders go with their process, and what a killed one left goes with the next."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from pipeline.scratch import ScratchFolder

WRITER = (
    "import sys; from pipeline.schemas.ingest import INGEST\n"
    "from pipeline.store.files import place_of; from pipeline.store.shards import ShardWriter\n"
    "with ShardWriter(place_of('memory://set/shard-00000-of-00001.parquet'), INGEST):\n"
    "    print('up', flush=True); sys.stdin.read()"
)
MAKER = (
    "import sys, time; from pathlib import Path; from pipeline.scratch import ScratchFolder\n"
    "folder = ScratchFolder(within=Path(sys.argv[1])); Path(folder.name, 'large').write_text('x')\n"
    "print(folder.name, flush=True); sys.stdin.read()"
)


def maker(within):
    process = subprocess.Popen(
        [sys.executable, "-c", MAKER, str(within)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_is_removed_and_what_others_use_is_kept(tmp_path):
    users = tmp_path / "crossband-mine"  # no mark: a folder of the user's own
    users.mkdir()
    (users / "thesis.txt").write_text("kept")
    killed, left = maker(tmp_path)
    with killed:
        killed.send_signal(signal.SIGKILL)
    working, used = maker(tmp_path)
    with working:
        assert not left.exists()
        assert (used / "large").exists()
        with ScratchFolder(within=tmp_path) as own:
            assert (used / "large").exists()
            assert (users / "thesis.txt").read_text() == "kept"
            assert sorted(tmp_path.iterdir()) == sorted([users, used, Path(own)])
    assert list(tmp_path.iterdir()) == [users]


def test_a_link_to_a_folder_elsewhere_is_left_alone(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    within = tmp_path / "tmp"
    (within / "crossband-x").mkdir(parents=True)
    (within / "crossband-x/.crossband-scratch").symlink_to(elsewhere / "kept")
    (within / "crossband-y").symlink_to(elsewhere)
    with ScratchFolder(within=within):
        assert (elsewhere / "kept").exists()
        assert (within / "crossband-x").is_dir()


def test_a_folder_is_gone_after_use_and_can_be_cleaned_twice(tmp_path):
    folder = ScratchFolder("mine-", tmp_path)
    assert [path.name for path in Path(folder.name).iterdir()] == [".crossband-scratch"]
    folder.cleanup()
    folder.cleanup()
    assert list(tmp_path.iterdir()) == []


def test_a_shard_for_an_object_store_is_not_left_in_the_temporary_directory(tmp_path):
    def writer():
        return subprocess.Popen(
            [sys.executable, "-c", WRITER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )

    with writer() as killed:
        assert killed.stdout.readline() == "up\n"
        killed.send_signal(signal.SIGKILL)
    assert len(list(tmp_path.rglob("shard-*"))) == 1
    with writer() as working:
        working.communicate("", timeout=60)
        assert working.returncode == 0
    assert list(tmp_path.iterdir()) == []
