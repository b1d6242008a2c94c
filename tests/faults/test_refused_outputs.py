"""What the system refuses to write is said in one line."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import test_lost_rows as segments
import torch
from forked import server

from pipeline.errors import StageError
from pipeline.store.networks import load_network, save_network

ROOT = Path(__file__).resolve().parents[2]


def said_by(go):
    with pytest.raises(StageError) as told:
        go()
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize("place", ["data", "data/out", "data/out/rejected"])
def test_a_file_in_a_folders_place(tmp_path, place):
    folder, out = tmp_path / place, tmp_path / "data/out"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("mine")
    said = said_by(lambda: segments.run(segments.LATTER, out))
    assert said.startswith(f"{out} can't be written: ")
    assert folder.read_text() == "mine"


def said_of_long_files(go, *arguments):
    """In a process of its own, as the limit is for good; this one's threads may hold locks."""
    context = server()
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_under_a_limit, args=(writer, go, arguments))
    process.start()
    writer.close()
    said = reader.recv()
    process.join()
    return said


def _under_a_limit(writer, go, arguments):
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    try:
        go(*arguments)
    except StageError as error:
        writer.send(str(error))


def _run_latter(folder):
    segments.run(segments.LATTER, folder)


def _save_long(path):
    save_network({"weights": torch.zeros(10_000)}, path)


def test_a_limit_on_the_length_of_files(tmp_path):
    said = said_of_long_files(_run_latter, tmp_path / "out")
    assert "can't be written: File too large" in said
    segments.run(segments.LATTER, tmp_path / "out")


def test_a_network_that_finds_no_room_leaves_the_former_one(tmp_path):
    path = tmp_path / "network.pt"
    save_network({"step": 1}, path)
    said = said_of_long_files(_save_long, path)
    assert said.startswith(f"{path} can't be written; ")
    assert "\n" not in said
    assert [each.name for each in tmp_path.iterdir()] == ["network.pt"]
    assert load_network(path) == {"step": 1}


STAGE = """
from pathlib import Path
from stages.run import stage_main

def run(stage):
    {what}

if __name__ == "__main__":
    stage_main("s", run)
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("stage.write_metrics({'a': 1})", "reports/metrics/mine: Not a directory"),
        ("Path('/dev/full').write_text('x')", "No space left on device"),
    ],
)
def test_whatever_else_a_stage_can_not_write_is_one_line(tmp_path, what, said):
    (tmp_path / "main.py").write_text(STAGE.format(what=what))
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/metrics").write_text("mine")
    command = [sys.executable, "main.py", "mine"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert said in run.stderr
    assert len(run.stderr.splitlines()) == 1
