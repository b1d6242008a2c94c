"""Opening files that others left: nobody waits for what is no regular file."""

import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path) -> BufferedReader:
    """Open a file to be read.

    Raises:
        OSError: it can't be read, or is a folder, a FIFO, a socket or a device.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "it is not a regular file")
    return file


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a FIFO that nobody writes into is open at once."""
    return os.open(path, flags | os.O_NONBLOCK)
