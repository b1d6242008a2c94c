"""A stage ends with the process that started it."""

import os
import signal
import subprocess
import sys
import time

import psutil


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
    deadline = time.monotonic() + 10
    while orphan.is_running() and time.monotonic() < deadline:
        if orphan.status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
