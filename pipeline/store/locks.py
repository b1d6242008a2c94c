"""The guards of a stage's output: one writer at a time, and a word on what can't be written."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import StageError, refusal
from pipeline.store.files import ObjectPath, Place, explained
from pipeline.store.leases import leased

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG),
    *(errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP),
)


@contextmanager
def writing(folder: Place) -> Iterator[None]:
    """Say in one line what keeps an output from being written.

    Raises:
        StageError: the disk is full, or the system or the object store refuses for another reason.
    """
    if isinstance(folder, ObjectPath):
        with explained(str(folder), StageError):
            yield
        return
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StageError(
                f"the disk that holds {folder} is full; finished shards are kept: "
                "make room and run the stage again"
            ) from error
        if error.errno not in _REFUSED:
            raise
        raise StageError(
            f"{folder} can't be written: {refusal(error)}; expected a folder that can be written: "
            "clear its path or correct permissions or limits, and run the stage again"
        ) from error


@contextmanager
def locked(folder: Place, *, keep: bool = True, wait: bool = False) -> Iterator[Callable[[], None]]:
    """Hold the lock of an output; on a disk it goes with the process, however that ends.

    Args:
        folder: the output; in an object store its lock is a lease.
        keep: leave the lock's file beside the folder; else, as in a folder of the user's, it has
            a name that nobody else gives and goes at the end.
        wait: on a disk, until who holds it ends: of what several may fill, each with the same.

    Yields:
        A function that raises ``StageError`` where the lock was lost, as a lease can be.

    Raises:
        StageError: another process is writing there, and ``wait`` is not set.
    """
    if isinstance(folder, ObjectPath):
        with writing(folder), leased(folder) as check:
            yield check
        return
    path = folder.with_name(f".{folder.name}.{'lock' if keep else 'crossband.lock'}")
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        opened = open(path, "a+", encoding="utf-8", opener=_unlinked)  # noqa: SIM115
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
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
            yield _nothing
        finally:
            if not keep:
                path.unlink()


def _unlinked(path: str, flags: int) -> int:
    """Open a file; a link is refused: whoever may write here could have any file emptied by it."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _nothing() -> None:
    """A lock on a disk is not lost."""
