"""Whether files changed while a stage read them: DVC hashes them afterwards, as they are then."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import StageError

_MOST = 3


def states_below(root: Path) -> frozenset[int]:
    """Return a number for each file and folder that changes with it.

    The time at which the file system last touched an inode tells: it can't be set, and a copy or a
    rename moves it. It is compared with itself alone: a file server's clock may be another.

    Args:
        root: a folder, or a file.
    """
    return frozenset(state for _, state in _states(root))


def refuse_changes(root: Path, before: frozenset[int]) -> None:
    """Refuse to have read a folder in which something was written, replaced or moved meanwhile.

    DVC would note the new state as the one that was read, and never look again.

    Args:
        root: the folder, or a file.
        before: ``states_below`` of it, as it was when reading began.

    Raises:
        StageError: something changed.
    """
    if changed := [path for path, state in _states(root) if state not in before]:
        named = ", ".join(changed[:_MOST])
        raise StageError(
            f"{root}: {len(changed)} files or folders changed while they were read, among them "
            f"{named}: expected a data set that nobody changes; run the stage again (`dvc repro`)"
        )


def _states(root: Path) -> Iterator[tuple[str, int]]:
    yield from _state(str(root))
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            yield from _state(f"{folder}/{name}")


def _state(path: str) -> Iterator[tuple[str, int]]:
    """Yield a path, as text for there are many, and its state; nothing where it is not there."""
    try:
        yield path, hash((path, os.stat(path).st_ctime_ns))  # noqa: PTH116
    except OSError:
        return
