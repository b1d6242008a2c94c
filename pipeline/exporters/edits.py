"""Edits inside an export: what somebody changed there stays, beside the file that replaces it."""

import hashlib
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from pipeline.exporters.storage import MANIFEST, FileEntry, Store
from pipeline.store.regular import open_regular

Digest = Callable[[str], str | None]
"""Gives the sha256 of the file at a path; None where no regular file lies there."""


def names_of_edited(
    entries: Sequence[FileEntry],
    there: Collection[str],
    sha256_of: Digest,
    *,
    taken: Collection[str] = (),
) -> Iterator[tuple[str, str]]:
    """Yield each edited file of an export with a free name beside it.

    Those whose bytes have such a name already are passed over, and so are files that are gone.

    Args:
        entries: the files as they were written.
        there: paths of all files that lie in the export.
        sha256_of: reads them.
        taken: further names that are not free.
    """
    for entry in entries:
        if entry.path not in there or (found := sha256_of(entry.path)) == entry.sha256:
            continue
        for number in count(1):
            name = f"{entry.path}.edited" + (f"-{number}" if number > 1 else "")
            if name not in there and name not in taken:
                yield entry.path, name
                break
            if found is not None and sha256_of(name) == found:
                break


def say_kept(path: str, name: str) -> None:
    """Say where an edited file is now."""
    print(f"{path} was edited: kept as {name}", file=sys.stderr)


def sha256_in(folder: Path) -> Digest:
    """Return what reads the files of a folder."""

    def sha256_of(path: str) -> str | None:
        try:
            with open_regular(folder / path) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None

    return sha256_of


def keep_edited_objects(store: Store, entries: Sequence[FileEntry], finished: float) -> None:
    """Copy the edited files of an export in an object store, each beside itself.

    Only those are read that were written since the manifest, which is an export's last file, or
    have another length.

    Args:
        store: where the export lies.
        entries: the files as they were written.
        finished: when the manifest was, see ``finished_at``.
    """
    there = store.details()

    def may_be_edited(entry: FileEntry) -> bool:
        info = there.get(entry.path, {})
        return bool(info) and (info["size"] != entry.bytes or _written(info) >= finished)

    def sha256_of(path: str) -> str:
        with store.fs.open(store.at(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    suspects = [entry for entry in entries if may_be_edited(entry)]
    for path, name in names_of_edited(suspects, there, sha256_of):
        store.fs.cp_file(store.at(path), store.at(name))
        say_kept(path, name)


def finished_at(store: Store) -> float:
    """Return when the manifest of an export was written, in seconds; 0 where nobody says."""
    return _written(store.details().get(MANIFEST, {}))


def _written(info: Mapping[str, Any]) -> float:
    """Return when an object was written; 0 where the store does not say: any may be edited."""
    moment = info.get("LastModified") or info.get("mtime")
    return moment.timestamp() if isinstance(moment, datetime) else 0.0
