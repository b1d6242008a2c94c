"""A data set's files as they lie on the disk: what is there, and the bytes of one.

One rule for links, in all readers: a link to a file is that file; a link to a folder is not
entered, because DVC does not see what changes behind it. A data set's root may be a link.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.ops.containers import UndecodableError
from pipeline.store.regular import open_regular

MOST_BYTES = 1 << 30
"""No image and no list has more: it is read whole into memory, once in each worker."""

_LIST = re.compile(r"(\.(txt|csv|json|bin)(_[^/]*)?|rand_perm_cam\.mat)$", re.IGNORECASE)

LINKED = "/"
"""How the path of a linked folder ends in a listing."""


def all_below(root: Path) -> list[str]:
    """List all files below a folder, sorted, relative to it.

    A million files take seconds: no file is asked for more than its name. A hidden folder is one
    entry, and so is a folder that is a link; both end in ``/``.

    Raises:
        ReaderError: a folder can't be listed.
    """
    return sorted(each_below(root))


def each_below(root: Path) -> Iterator[str]:
    """Yield what ``all_below`` lists, as the disk has it.

    Raises:
        ReaderError: a folder can't be listed.
    """
    waiting = [("", root)]
    while waiting:
        prefix, folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    inner = entry.is_dir(follow_symlinks=False)
                    if inner and not entry.name.startswith("."):
                        waiting.append((f"{prefix}{entry.name}/", Path(entry.path)))
                    elif inner or (entry.is_symlink() and Path(entry.path).is_dir()):
                        yield f"{prefix}{entry.name}{LINKED}"
                    else:
                        yield prefix + entry.name
        except OSError as error:
            raise ReaderError(f"{folder} can't be listed: {error.strerror}") from error


def unfit_for_dvc(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each file below a folder at which DVC stops, and why.

    DVC reads all of them before ``ingest`` can pass one over.

    Raises:
        ReaderError: a folder can't be listed.
    """
    for path in all_below(root):
        if any(_is_a_byte(letter) for letter in path):
            yield shown(path), "its name is not UTF-8"
        elif not path.endswith(LINKED):
            try:
                mode = (root / path).stat().st_mode
            except OSError as error:
                yield path, str(error.strerror)
            else:
                if not stat.S_ISREG(mode):
                    yield path, "it is not a regular file, and DVC would wait for it forever"


def lists_sha256(root: Path) -> str:
    """Return the sha256 of all files below a root that may be official lists by their names.

    Their paths below the root count, too; of one that can't be read that alone does.

    Raises:
        ReaderError: a folder can't be listed.
    """
    digest = hashlib.sha256()
    for path in all_below(root):
        if not _LIST.search(path) or is_hidden(path) or not (root / path).is_file():
            continue
        try:
            with (root / path).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            found = str(error.strerror)
        digest.update(os.fsencode(f"{path}\0{found}\0"))
    return digest.hexdigest()


def is_hidden(path: str) -> bool:
    """Tell whether a file's or folder's own name is hidden."""
    return path.rstrip(LINKED).rpartition("/")[2].startswith(".")


def is_behind_link(root: Path, path: str) -> bool:
    """Tell whether a folder below a root is a link on the way to one of its files or folders."""
    places = accumulate(Path(path).parts, Path.joinpath, initial=root)
    try:
        return any(place.is_symlink() and place.is_dir() for place in islice(places, 1, None))
    except OSError:  # longer than any name: who reads it is told
        return False


def shown(name: str) -> str:
    """Return a file's name as text: bytes that are no UTF-8 are percent-encoded, and ``%`` then."""
    if not any(_is_a_byte(letter) for letter in name):
        return name
    return "".join(
        f"%{ord(letter) - 0xDC00:02X}" if _is_a_byte(letter) else letter.replace("%", "%25")
        for letter in name
    )


def _is_a_byte(letter: str) -> bool:
    """Tell whether Python put a letter in the place of a byte that is no UTF-8."""
    return "\udc80" <= letter <= "\udcff"


def read_file(path: Path) -> bytes:
    """Read a file whole, if it is one and no longer than ``MOST_BYTES``.

    Raises:
        OSError: it can't be read, or is a FIFO, a socket or a device, which nobody waits for.
        UndecodableError: ``too_large``.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        _check_size(size)
        data = file.read(size)
        if more := file.read(1):  # it grew, or is of a file system that says 0 of all
            data += more + file.read(MOST_BYTES)
            _check_size(len(data))
        return data


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise UndecodableError(
            "too_large",
            f"the file has {size / 1e9:.1f} GB, more than the {MOST_BYTES / 1e9:.1f} that an image "
            "or a list may have",
        )
