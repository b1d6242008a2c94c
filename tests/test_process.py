"""A stage ends with the DVC that started it, and as a signal asks, at any time."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline import testing


def test_a_process_ends_soon_after_its_parent():
    child = (
        "import time; from pipeline.process import die_with_parent\n"
        "die_with_parent(); print('up', flush=True); time.sleep(60)"
    )
    parent = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]])\n"
        "print(child.pid, flush=True); child.wait()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent, child], stdout=subprocess.PIPE, text=True
    )
    with process:
        pid = int(process.stdout.readline())
        assert process.stdout.readline() == "up\n"
        orphan = psutil.Process(pid)
        os.kill(process.pid, signal.SIGKILL)
    assert gone(orphan)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="no glibc")
def test_memory_that_a_training_frees_is_there_for_its_next_step():
    code = (
        "import resource; from pipeline.process import keep_freed_memory\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    bytearray(b'1') * (200 << 20)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "keep_freed_memory(); print(faults(), faults())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = map(int, done.stdout.split())
    # a page has 4 KiB, or 2 MiB where the system takes huge ones
    assert first >= 100
    assert second < first / 10


def gone(process, seconds=10):
    deadline = time.monotonic() + seconds
    while process.is_running() and time.monotonic() < deadline:
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return not process.is_running()


# Ctrl-C is ignored by what a shell runs in the background, and tests can be.
AS_IN_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.fixture
def importing(tmp_path):
    """Starts a stage that never ends importing numpy; a process between it and us is its parent.

    That stands for DVC, or for a shell.
    """
    (tmp_path / "numpy.py").write_text("import time; print('up', flush=True); time.sleep(60)")
    env = os.environ | {"PYTHONPATH": f"{tmp_path}:{Path(__file__).resolve().parents[1]}"}
    started = []

    def start(stage, by_dvc=True):
        named = {"DVC_STAGE": f"{stage}@mine"} if by_dvc else {}
        between = (
            "import subprocess, sys\n"
            "child = subprocess.Popen([sys.executable, '-c', *sys.argv[1:]])\n"
            "print(child.pid, flush=True); sys.exit(child.wait())"
        )
        command = [sys.executable, "-c", between, AS_IN_A_TERMINAL, "-m", f"stages.{stage}", "mine"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        parent = subprocess.Popen(command, **pipes, text=True, cwd=tmp_path, env=env | named)
        started.append(parent)
        child = psutil.Process(int(parent.stdout.readline()))
        assert parent.stdout.readline() == "up\n"
        return parent, child

    yield start
    for parent in started:
        parent.kill()
        parent.communicate()


@pytest.mark.parametrize("stage", ["masks", "weights"])
def test_a_stage_that_still_imports_ends_with_its_parent(importing, stage):
    parent, child = importing(stage)
    os.kill(parent.pid, signal.SIGKILL)
    assert gone(child)


def test_a_stage_in_the_background_of_a_shell_outlives_the_shell(importing):
    parent, child = importing("weights", by_dvc=False)
    os.kill(parent.pid, signal.SIGKILL)
    assert not gone(child, 2)
    child.kill()


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (
            signal.SIGINT,
            130,
            "interrupted; finished shards are kept, run the stage again to go on\n",
        ),
        (signal.SIGTERM, -signal.SIGTERM % 256, ""),
    ],
)
@pytest.mark.parametrize("stage", ["masks", "weights"])
def test_a_signal_during_imports_is_no_traceback(importing, stage, number, status, said):
    parent, child = importing(stage)
    os.kill(child.pid, number)
    _, errors = parent.communicate(timeout=10)
    assert (parent.returncode, errors) == (status, said)


SAYS = """
import os, sys
from stages.run import run_guarded

def run():
    print("to stdout")
    print("to stderr", file=sys.stderr)
    with open("shard", "w") as file:
        assert file.fileno() > 2
        os.system("echo a damaged image; echo a damaged image >&2")

run_guarded("says", run)
"""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stage_whose_streams_are_closed_works_and_keeps_its_log(tmp_path, closed):
    (tmp_path / "params.yaml").touch()
    env = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, SAYS]
    assert subprocess.run(command, cwd=tmp_path, env=env, check=False).returncode == 0
    said = (tmp_path / "reports/logs/says.log").read_text()
    assert [line[20:] for line in said.splitlines()[1:]] == ["to stdout", "to stderr"]
    assert (tmp_path / "shard").read_bytes() == b""


SCRIPT = """
import sys, tempfile, time
from functools import partial
from pathlib import Path
sys.path.insert(0, {tests!r})
import work
from pipeline.store import Listing, ShardFolder, StageKey, map_shards
from pipeline.store.executors import Processes
from stages.run import stage_main

class Held:
    def __call__(self):
        return self.compute
    def compute(self, rows):
        with tempfile.TemporaryDirectory(prefix="worker-"):
            time.sleep(60)

def run(stage):
    with tempfile.TemporaryDirectory(prefix="stage-"):
        map_shards(
            Listing([work.make_image(f"s{{i}}") for i in range(8)], 8, dict),
            ShardFolder(Path("out"), 8), schema=work.SCHEMA, key=StageKey("s", {{}}, {{}}, ""),
            make=Held(), batch_rows=1, executor=Processes(2), label="s")

if __name__ == "__main__":
    stage_main("s", run)
"""


@pytest.mark.parametrize("how", ["asked", "orphaned"])
def test_what_is_ended_leaves_nothing_in_the_temporary_directory(tmp_path, how):
    root = Path(__file__).resolve().parents[1]
    script = tmp_path / "main.py"
    script.write_text(SCRIPT.format(tests=str(root / "tests/store")))
    (tmp_path / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    between = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, *sys.argv[1:]])\n"
        "print(child.pid, flush=True); sys.exit(child.wait())"
    )
    env = os.environ | {"TMPDIR": str(temporary), "DVC_STAGE": "s@mine"}
    parent = subprocess.Popen(
        [sys.executable, "-c", between, str(script), "mine"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=env,
    )
    with parent:
        stage = psutil.Process(int(parent.stdout.readline()))
        deadline = time.monotonic() + 60
        while len(list(temporary.glob("worker-*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list(temporary.glob("stage-*"))
        workers = stage.children(recursive=True)
        if how == "asked":
            stage.terminate()
            parent.wait(timeout=20)
            assert parent.returncode == 128 + signal.SIGTERM
        else:
            parent.kill()
        assert all(gone(process, 20) for process in (stage, *workers))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_what_an_encoding_lacks_is_printed_all_the_same(tmp_path, encoding):
    testing.buaa_visnir(tmp_path / "set")
    Path(tmp_path / "set", os.fsdecode(b"gr\xfc.png")).write_bytes(b"")
    check = ("check", "buaa_visnir", "--root", str(tmp_path / "set"))
    done = subprocess.run(
        [sys.executable, "-c", "from pipeline.cli import main; main()", *check],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert "  gr\\udcfc.png\n" in done.stdout


def test_a_program_s_worker_may_import_the_library_in_any_thread():
    program = """
import multiprocessing, threading

def work():
    def load():
        import stages
        print("loaded", flush=True)

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()

if __name__ == "__main__":
    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start()
    worker.join()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("loaded\n", "")
