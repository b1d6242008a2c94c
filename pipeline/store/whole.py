"""Files that appear whole or not at all: what stops the writing leaves what was there before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.partial import PARTIAL, partial_beside


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a file to write beside ``path``, whose place it takes in the end; the folder is made.

    Of several that write the same file at once, each has its own, and the last to end counts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial_beside(path) as partial:
        yield partial
        reach_disk(partial)
        partial.replace(path)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file's content, text in UTF-8, as ``written_whole`` says."""
    with written_whole(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def whole_name(name: str) -> str:
    """Return the name that a file which is being written gets in the end; any other name as is."""
    match = PARTIAL.fullmatch(name)
    return match[1] if match else name


def reach_disk(path: Path) -> None:
    """Wait until a file's content is on the disk: a name may get there before, at a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
