"""The guard of a stage's output: one writer at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StageError


@contextmanager
def locked(folder: Path, *, keep: bool = True) -> Iterator[None]:
    """Hold the lock of an output folder; it goes with the process, however that ends.

    Args:
        folder: the output.
        keep: leave the lock's file beside the folder.

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
        if not (path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())):
            raise StageError(f"{folder} was being written until just now; run this again")
        try:
            yield
        finally:
            if not keep:
                path.unlink()
