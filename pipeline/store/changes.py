"""Whether files changed while a stage read them: DVC hashes them afterwards, as they are then."""

import os
from pathlib import Path

from pipeline.errors import StageError

_MOST = 3


def refuse_changes(root: Path, since_ns: int) -> None:
    """Refuse to have read a folder in which something was written, replaced or moved meanwhile.

    DVC would note the new state as the one that was read, and never look again. The time at which
    the file system last touched an inode tells: it can't be set, and a copy or a rename moves it.

    Args:
        root: the folder, or a file.
        since_ns: when reading began, as ``time.time_ns`` tells it.

    Raises:
        StageError: something changed.
    """
    changed = [Path(root)] if root.is_file() and _changed(root, since_ns) else []
    for folder, _, names in os.walk(root):
        here = Path(folder)
        changed += [path for path in (here, *map(here.joinpath, names)) if _changed(path, since_ns)]
    if changed:
        named = ", ".join(str(path) for path in changed[:_MOST])
        raise StageError(
            f"{root}: {len(changed)} files or folders changed while they were read, among them "
            f"{named}: expected a data set that nobody writes; run the stage again (`dvc repro`)"
        )


def _changed(path: Path, since_ns: int) -> bool:
    try:
        return path.stat().st_ctime_ns > since_ns
    except OSError:
        return False
