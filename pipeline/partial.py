"""Files that are written beside their place: what a killed process left goes with the next."""

import contextlib
import fcntl
import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

PARTIAL = re.compile(r"\.(.+?)(\.[0-9a-f]{8})?\.partial", re.DOTALL)
"""Names of ``partial_beside``, with that of the file in the end; earlier versions had no digits."""


@contextlib.contextmanager
def partial_beside(path: Path) -> Iterator[Path]:
    """Give an empty file to write beside ``path``, of a name of its own; rename it to keep it.

    It is locked until the end, however that comes. So what a killed process left for the same
    ``path`` is known by that nobody holds it, and is removed first.
    """
    _remove_left_partials(path)
    partial, held = _locked_partial(path)
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)
        os.close(held)


def _locked_partial(path: Path) -> tuple[Path, int]:
    while True:
        partial = path.with_name(f".{path.name}.{os.urandom(4).hex()}.partial")
        held = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        # A file system without locks leaves nothing over.
        with contextlib.suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        if partial.exists():
            return partial, held
        os.close(held)  # another one found it before it was locked


def _remove_left_partials(path: Path) -> None:
    """Remove this user's files for the same ``path`` that no process holds."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*partial"):
        match = PARTIAL.fullmatch(left.name)
        if match is None or match[1] != path.name:
            continue
        with contextlib.suppress(OSError):  # it is held, gone by now, or not ours
            held = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if os.fstat(held).st_uid == os.geteuid():
                    # Over NFS a file that is open to be read gets no other lock.
                    fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    left.unlink()
            finally:
                os.close(held)
