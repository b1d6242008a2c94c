"""Folders for a while: what a killed process left is removed by the next one."""

import contextlib
import fcntl
import glob
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

PREFIX = "crossband-"
_MARK = ".crossband-scratch"
"""A file in each folder, locked by its maker from the start until it ends, however it ends."""


class ScratchFolder(tempfile.TemporaryDirectory[str]):
    """A temporary folder; when one is made, those of killed processes are removed.

    A folder counts as left over only with the mark of this class, which nobody holds.

    Args:
        prefix: of its name; folders of one prefix look after each other.
        within: where to make it; the temporary directory (``TMPDIR``) by default.
    """

    def __init__(self, prefix: str = PREFIX, within: Path | None = None) -> None:
        within = within or Path(tempfile.gettempdir())
        _remove_left_over(within, prefix)
        super().__init__(prefix=prefix, dir=within)
        unseen = Path(self.name, f"{_MARK}.new")
        self._held = os.open(unseen, os.O_CREAT | os.O_RDWR, 0o600)
        # A file system without locks leaves nothing over.
        with contextlib.suppress(OSError):
            fcntl.flock(self._held, fcntl.LOCK_EX)
            unseen.rename(unseen.with_name(_MARK))

    def cleanup(self) -> None:
        """Remove it and what it holds."""
        super().cleanup()
        if self._held >= 0:
            os.close(self._held)
            self._held = -1


@cache
def _remove_left_over(within: Path, prefix: str) -> None:
    """Remove this user's folders that no process holds; looked for once in a process."""
    for mark in within.glob(f"{glob.escape(prefix)}*/{_MARK}"):
        with contextlib.suppress(OSError):  # another one removes it just now, or it is not ours
            held = os.open(mark, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if os.fstat(held).st_uid == os.geteuid():
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(mark.parent)
            finally:
                os.close(held)
