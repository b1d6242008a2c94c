"""Guards of a stage's output: one writer at a time, and none that outlives its run."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StageError

_POLL_SECONDS = 0.5


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of an output folder; it goes with the process, however that ends.

    Raises:
        StageError: another process is writing there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f".{folder.name}.lock")
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise StageError(
                f"{folder} is being written by process {file.read().strip() or 'unknown'}; "
                "wait for it to end, or end it"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def die_with_parent(parent: int | None = None) -> None:
    """End this process soon after its parent has gone.

    A signal that ends ``dvc`` leaves its stage running otherwise, and a stage its workers.

    Args:
        parent: the process to watch; by default the one that started this process.
    """
    watched = os.getppid() if parent is None else parent

    def watch() -> None:
        while os.getppid() == watched:
            time.sleep(_POLL_SECONDS)
        os._exit(70)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
