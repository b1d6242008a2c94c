"""Ctrl-C and errors end a stage at once, with one message, and leave what is finished."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

STORE_TESTS = Path(__file__).resolve().parents[1] / "store"
SCRIPT = """
import signal, sys
# A test run in the background inherits an ignored SIGINT; a person's terminal does not.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {tests!r})
from pathlib import Path
import work
from pipeline.store import Listing, ShardFolder, StageKey, map_shards
from pipeline.store.executors import Processes
from stages.run import stage_main

slow = work.Shout(Path("log"), 0.2)
rows = [work.make_image(f"s{{i}}") for i in range(200)]

def run(stage):
    map_shards(Listing(rows, 40, dict), ShardFolder(Path("out"), 40), schema=work.SCHEMA,
               key=StageKey("s", {{}}, {{}}, ""), make=slow, batch_rows=1,
               executor=Processes(2), label="s")

if __name__ == "__main__":
    stage_main("s", run)
"""


def test_ctrl_c_ends_stage_and_workers_with_one_line(workspace):
    main = workspace.path / "main.py"
    main.write_text(SCRIPT.format(tests=str(STORE_TESTS)))
    stage = subprocess.Popen(
        [sys.executable, str(main), "mine"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    out = workspace.path / "out"
    deadline = time.monotonic() + 60
    while len(list(out.glob("shard-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    family = psutil.Process(stage.pid).children(recursive=True)
    os.killpg(stage.pid, signal.SIGINT)
    _, errors = stage.communicate(timeout=20)
    assert stage.returncode == 130
    assert errors.splitlines()[1:] == [
        "interrupted; finished shards are kept, run the stage again to go on"
    ]
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert 2 <= len(list(out.glob("shard-*"))) < 40
