"""What a stage's process says, and the file that keeps it."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")
SAYS = """
import logging, sys
from pathlib import Path
from pipeline.store.log import keep_log
keep_log(Path("logs/parse@mine.log"))
print("3 in,", end=" ")
print("2 out")
logging.getLogger("pipeline").warning("a file is damaged")
logging.getLogger("pipeline").debug("unheard")
logging.getLogger("lightning_fabric").setLevel(logging.INFO)
logging.getLogger("lightning_fabric").info("unheard")
sys.stderr.write("\\x1b[2K a bar\\n")
raise SystemExit("error: params")
"""


@pytest.fixture
def run(tmp_path):
    """Run the program above; returns its output, its errors and its log without the times."""

    def told():
        done = subprocess.run(
            [sys.executable, "-c", SAYS], cwd=tmp_path, text=True, capture_output=True, check=False
        )
        lines = (tmp_path / "logs/parse@mine.log").read_text().splitlines()
        assert all(TIME.match(line) for line in lines)
        return done.stdout, done.stderr, [TIME.sub("", line) for line in lines]

    return told


def test_the_log_has_what_was_said_in_every_run_and_the_streams_lose_nothing(run):
    out, err, log = run()
    assert out == "3 in, 2 out\n"
    assert err == "a file is damaged\n\x1b[2K a bar\nerror: params\n"
    assert re.match(r"crossband [\d.]+: -c", log[0])
    # Standard output is written at the end, where it is a file; the log has the order of the words.
    assert log[1:] == ["3 in, 2 out", "a file is damaged", "error: params"]
    assert run()[2] == log + log


def test_records_are_written_to_what_takes_the_place_of_standard_error(monkeypatch):
    from pipeline.store import log as module

    kept, shown = io.StringIO(), io.StringIO()
    handler = module._Records(kept)
    monkeypatch.setattr(sys, "stderr", shown)
    handler.emit(module.logging.makeLogRecord({"msg": "damaged"}))
    assert shown.getvalue() == "damaged\n"
    assert TIME.sub("", kept.getvalue()) == "damaged\n"


def test_a_name_that_is_no_utf8_is_said_and_kept(tmp_path):
    says = SAYS.replace("a file is damaged", "gr\\udcfc.png is damaged")
    says = says.replace("error: params", "error: gr\\udcfc")
    done = subprocess.run(
        [sys.executable, "-c", says], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    lines = (tmp_path / "logs/parse@mine.log").read_text().splitlines()
    kept = ["gr\\udcfc.png is damaged", "error: gr\\udcfc"]
    assert [TIME.sub("", line) for line in lines[2:]] == kept
    assert done.stderr.replace("\x1b[2K a bar\n", "").splitlines() == kept


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is full, as Linux has")
@pytest.mark.parametrize("log", ["/dev/full", "/dev/null/none"])
def test_a_log_that_can_not_be_written_keeps_nothing_from_being_said(tmp_path, log):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/parse@mine.log").symlink_to(log)
    done = subprocess.run(
        [sys.executable, "-c", SAYS], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert done.stdout == "3 in, 2 out\n"
    assert done.stderr == "a file is damaged\n\x1b[2K a bar\nerror: params\n"
