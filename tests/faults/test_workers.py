"""A worker that is killed, hangs or is slow ends in one line or in the bytes of any other run."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children, current_process, get_context
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "store"))
import work

from pipeline.errors import StageError
from pipeline.store import Listing, ShardFolder, StageKey, map_shards
from pipeline.store.executors import Processes, Serial
from pipeline.store.signs import Signs

ROWS = [work.make_image(f"s{number:02d}", bytes([number]) * 50) for number in range(24)]
SHARDS = 4
PATIENCE = 2.0


def killed():
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory is short


def asleep():
    time.sleep(60)


def deaf():
    """Hang as C code does: no signal but the last reaches Python."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    time.sleep(60)


class Trouble:
    """Doubles images; in the first worker that gets to one row, trouble comes once."""

    def __init__(self, folder, kind, at="s17"):
        self.mark, self.kind, self.at = folder / "came", kind, at

    def __call__(self):
        if self.at == "load":
            self.come()
        return self.compute

    def come(self):
        if not self.mark.exists():
            self.mark.touch()
            self.kind()

    def compute(self, rows):
        if any(row["sample_id"] == self.at for row in rows):
            self.come()
        return [[row | work.image_columns(row["image"]["bytes"] * 2, (1, 1), "x")] for row in rows]


def run(folder, make, executor):
    return map_shards(
        Listing(ROWS, SHARDS, dict),
        ShardFolder(folder, SHARDS),
        schema=work.SCHEMA,
        key=StageKey("s", {}, {}, ""),
        make=make,
        batch_rows=2,
        executor=executor,
        label="s",
    )


def files(folder):
    found = (path for path in folder.rglob("*.parquet") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fresh")
    (folder / "came").touch()
    run(folder / "out", Trouble(folder, None), Serial())
    return files(folder / "out")


@pytest.mark.parametrize(
    ("kind", "at", "said"),
    [
        (killed, "s17", r"worker process died .*CROSSBAND_WORKERS=1"),
        (asleep, "s17", r"hung at .*shard-0000\d-of-00004.parquet: expected a batch in 2 s"),
        (deaf, "s17", r"hung at .*shard-0000"),
    ],
)
def test_a_worker_in_trouble_ends_the_run_and_the_next_goes_on(tmp_path, fresh, kind, at, said):
    out, make = tmp_path / "out", Trouble(tmp_path, kind, at)
    begun = time.monotonic()
    with pytest.raises(StageError, match=said) as told:
        run(out, make, Processes(2, PATIENCE))
    assert "\n" not in str(told.value)
    assert time.monotonic() - begun < 40  # less than it would sleep
    assert active_children() == []
    run(out, make, Processes(2))
    assert files(out) == fresh
    assert not list(out.rglob("*.partial"))


def test_a_worker_that_hangs_as_it_loads_is_told(tmp_path):
    with pytest.raises(StageError, match="hung as it loaded its networks"):
        run(tmp_path / "out", Trouble(tmp_path, asleep, "load"), Processes(1, PATIENCE))


def test_it_holds_up_nobody_where_the_others_do_all(tmp_path, fresh):
    begun = time.monotonic()
    run(tmp_path / "out", Trouble(tmp_path, asleep, "load"), Processes(2))
    assert time.monotonic() - begun < 50  # less than it would sleep
    assert files(tmp_path / "out") == fresh
    assert active_children() == []


class Slow:
    """Doubles images on a disk that takes its time for whatever has to last."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self):
        fsync, replace = os.fsync, Path.replace

        def slow(call):
            def instead(*arguments):
                time.sleep(self.seconds)
                return call(*arguments)

            return instead

        os.fsync, Path.replace = slow(fsync), slow(replace)
        return Trouble(Path("/"), None, "nobody").compute


def test_a_slow_disk_is_no_worker_that_hangs(tmp_path, fresh):
    """Both shards of a worker take longer to write than a batch may, and one does not."""
    run(tmp_path / "out", Slow(0.2 * PATIENCE), Processes(2, PATIENCE))
    assert files(tmp_path / "out") == fresh


def test_a_clock_that_was_set_back_changes_nothing(tmp_path, fresh):
    """What lies there was written tomorrow; a file's time only tells that it is the same one."""
    out, make = tmp_path / "out", Trouble(tmp_path, None, "nobody")
    run(out, make, Serial())
    tomorrow = time.time() + 86400
    for path in out.rglob("*"):
        os.utime(path, (tomorrow, tomorrow))
    (out / "shard-00001-of-00004.parquet").write_bytes(b"cut off")
    summary = run(out, make, Serial())
    assert 0 < summary.computed < len(ROWS)
    assert files(out) == fresh
    assert run(out, make, Serial()).computed == 0


FULL = (
    "import torch\n"
    "def full():\n"
    "    raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has '"
    " 'a total capacity of 8.00 GiB of which 8.00 MiB is free. Including others, 7.99 GiB')"
)
"""What torch 2.14 says where a GPU is full; nothing else of a GPU is needed for it."""
STAGE = "from stages.run import run_guarded\nrun_guarded('s', full)"
COMMAND = "from pipeline import cli\ncli.app = full\ncli.main()"
OF_THE_MACHINE = "out of memory: this machine has, or allows, too little. "
OF_THE_GPU = (
    "the GPU has too little memory (CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a "
    "total capacity of 8.00 GiB of which 8.00 MiB is free.): expected room for a batch; "
)


@pytest.mark.parametrize(
    ("full", "words"),
    [
        ("import numpy\ndef full(): numpy.empty(1 << 60, numpy.uint8)", OF_THE_MACHINE),
        ("import torch\ndef full(): torch.empty(1 << 60, dtype=torch.uint8)", OF_THE_MACHINE),
        (FULL, OF_THE_GPU),
    ],
    ids=["numpy", "torch", "gpu"],
)
@pytest.mark.parametrize("main", [STAGE, COMMAND], ids=["stage", "command"])
def test_want_of_memory_is_one_line(tmp_path, full, words, main):
    command = [sys.executable, "-c", f"{full}\n{main}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {words}")
    assert done.stderr.count("\n") == 1


def test_a_run_that_was_stopped_as_a_whole_hangs_not(monkeypatch):
    """As by Ctrl-Z and, an hour later, `fg`: nobody gave a sign, and nobody looked."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(current_process(), "name", "worker-1")
    signs = Signs(get_context("spawn"), 2)
    signs.begin(5)
    now += 3600
    assert signs.silent(60) is None
    for _ in range(6):
        now += 9
        assert signs.silent(60) is None
    now += 7
    assert signs.silent(60) == 5
    signs.rest()
    assert signs.silent(60) is None
