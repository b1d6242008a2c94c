"""What a process of crossband does before all else, and how it ends.

A stage does this while Python imports its package, before any library is loaded: NumPy reads how
many threads it may use once, and to import torch takes seconds in which a run can already be ended.
"""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import NoReturn

INTERRUPTED = "interrupted; finished shards are kept, run the stage again to go on"

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_OF_DVC = "DVC_STAGE"
"""Variable that DVC sets for the commands of stages."""
_POLL_SECONDS = 0.5
_ORPHAN = 70
_GRACE_SECONDS = 5.0
_watched: set[int] = set()
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""What ``mallopt`` calls them (glibc's malloc.h)."""
_NEVER = 2**31 - 1


def begin() -> None:
    """Begin a stage's process or a worker's, from its package's ``__init__``.

    Where another program imports the package, only the threads are limited.
    """
    one_thread()
    if multiprocessing.parent_process() is not None:
        # A program's own worker may import the library in any thread; only the first takes signals.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it ends its own
    elif sys.argv[0] == "-m":  # so long as Python looks for the module that it was told to run
        gc.disable()  # what is imported stays: to search it for garbage is a tenth of the time
        die_with_dvc()
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _end_interrupted)


def one_thread() -> None:
    """Keep numeric libraries that are loaded from now on to one thread each.

    Workers are the parallelism, and one thread keeps sums in one order: the bytes of a row are the
    same on any machine, in a worker or not.
    """
    os.environ.update(dict.fromkeys(_THREADS, "1"))


def limit_threads() -> None:
    """Keep numeric libraries to one thread each, OpenCV as well: see ``one_thread``."""
    one_thread()
    import cv2

    cv2.setNumThreads(0)


def take_signals() -> None:
    """Let Ctrl-C raise again, as from here on someone catches it, and SIGTERM end orderly."""
    signal.signal(signal.SIGTERM, end_orderly)
    if signal.getsignal(signal.SIGINT) is _end_interrupted:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def open_streams() -> None:
    """Open the standard streams that whoever started this process had closed, to nowhere.

    A file that is opened, a shard for example, would get their number, and with it what a library
    says there of a damaged image.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def print_any_text() -> None:
    """Let standard output take what its encoding lacks, escaped, as standard error does.

    That is a file's name of bytes that are no UTF-8, or a sign where the locale knows ASCII alone.
    """
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def die_with_dvc() -> None:
    """End this process soon after DVC, where DVC started it: see ``die_with_parent``.

    What a shell or another program started lives on without it, as ``nohup``, ``setsid`` and
    ``disown`` promise.
    """
    if _OF_DVC in os.environ:
        die_with_parent()


def die_with_parent(parent: int | None = None) -> None:
    """End this process soon after its parent has gone.

    A signal that ends ``dvc`` leaves its stage running otherwise, and a stage its workers.

    Args:
        parent: the process to watch; by default the one that started this process.
    """
    watched = os.getppid() if parent is None else parent
    if watched in _watched:
        return
    _watched.add(watched)

    def watch() -> None:
        while os.getppid() == watched:
            time.sleep(_POLL_SECONDS)
        if signal.getsignal(signal.SIGTERM) is end_orderly:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_GRACE_SECONDS)
        os._exit(_ORPHAN)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def keep_freed_memory() -> None:
    """Let this process keep what it frees, for what it allocates next; for a training.

    Each step allocates the same large tensors. The C library gives such back to the system, which
    clears every page when it hands them out again: a sixth of a step's time on a CPU. Libraries
    other than glibc have no ``mallopt``, and are left as they are.
    """
    if (set_option := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        set_option(_MMAP_MAX, 0)
        set_option(_TRIM_THRESHOLD, _NEVER)


def end_orderly(number: int, _: FrameType | None) -> NoReturn:
    """End as a signal asks, after what this process has open was closed and removed.

    Raises:
        SystemExit: always.
    """
    signal.signal(number, signal.SIG_DFL)  # where a library swallows the first, the second ends
    sys.exit(128 + number)


def _end_interrupted(_: int, __: FrameType | None) -> NoReturn:
    os.write(2, f"{INTERRUPTED}\n".encode())
    os._exit(128 + signal.SIGINT)
