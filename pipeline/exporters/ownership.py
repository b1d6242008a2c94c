"""Whose the files at an export's place are: crossband's by a manifest or a claim, else the user's.

A claim is the first file that an export writes: it says that what is not finished here is
crossband's, and which files the export before it had. In an object store, where files lie at their
place while they are written, each is noted before it is sent.
"""

import json
import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import ExportError
from pipeline.exporters.edits import names_of_edited, say_kept, sha256_in
from pipeline.exporters.names import check_inside
from pipeline.exporters.storage import CLAIM, MANIFEST, NOTED, PIECES, FileEntry, Store, receipt_of

VERSION = 1


@dataclass(frozen=True)
class Claim:
    """Says that an unfinished export is crossband's.

    Attributes:
        url: where it goes.
        former: the files of the export that stood there.
        crossband_claim: version of the claim.
    """

    url: str
    former: tuple[str, ...]
    crossband_claim: int = VERSION

    def to_json(self) -> bytes:
        """Return the file's text."""
        return json.dumps(asdict(self)).encode()


def claimed(store: Store) -> Claim | None:
    """Return the claim of an unfinished export, None where there is none that can be read."""
    values = _mapping(store.read(CLAIM))
    former = values.get("former")
    if values.get("crossband_claim") != VERSION or not isinstance(former, list):
        return None
    return Claim(str(values.get("url")), tuple(check_inside(str(path)) for path in former))


def written_files(store: Store, there: Collection[str]) -> set[str]:
    """Return the files that unfinished exports noted in an object store, and the notes."""
    own: set[str] = set()
    pieces = sorted(p for p in there if p.startswith(f"{PIECES}/") and p.endswith(".json"))
    for path, text in store.read_many(pieces).items():
        files = _mapping(text).get("crossband_writes") if path.endswith(NOTED) else None
        if isinstance(files, list):
            own |= {path, *map(str, files)}
        elif receipt_of(text):
            own.add(path)
    return own


def _mapping(text: bytes | None) -> dict[str, object]:
    try:
        values = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def entries_below(folder: Path) -> set[str]:
    """Return the relative paths of all files and links below a folder; no link is followed."""
    found: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=False):
        linked = [name for name in folders if Path(place, name).is_symlink()]
        found.update(Path(place, name).relative_to(folder).as_posix() for name in files + linked)
    return found


def adopt_strangers(
    final: Path, staging: Path, former: Sequence[FileEntry], wanted: set[str]
) -> None:
    """Give what lies in an export and is the user's a second name in the one that replaces it.

    A file of the export that was edited is the user's, too.

    Args:
        final: the export that stands there.
        staging: the one that replaces it.
        former: files that are the former export's.
        wanted: files that are the new one's.

    Raises:
        ExportError: a file of the user's has the name of one of the new export's, or can't be
            linked; the export that stands there is as it was.
    """
    folders = {parent.as_posix() for path in wanted for parent in Path(path).parents}
    there = entries_below(final)
    names = {path: path for path in there - {MANIFEST, *(entry.path for entry in former)}}
    names |= names_of_edited(former, there, sha256_in(final), taken=wanted)
    for path, name in sorted(names.items()):
        above = {parent.as_posix() for parent in Path(name).parents}
        if name in wanted or name in folders or above & wanted:
            raise ExportError(
                f"{final / path} is not part of the export, but has the name of one of its files: "
                "move it away"
            )
    for path, name in sorted(names.items()):
        place = staging / name
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(final / path, place, follow_symlinks=False)
        if name != path:
            say_kept(path, name)
    for empty in empty_folders(final):
        (staging / empty.relative_to(final)).mkdir(parents=True, exist_ok=True)


def drop_second_names(staging: Path) -> None:
    """Remove what a run that was refused or killed left of ``adopt_strangers``.

    An export's own files are no links and have one name; what has another one is not lost.
    """
    for path in entries_below(staging) - {MANIFEST, CLAIM}:
        found = (staging / path).lstat()
        if stat.S_ISLNK(found.st_mode) or found.st_nlink > 1:
            (staging / path).unlink()
    remove_empty(staging)


def remove_listed(former: Path, own: Collection[str], final: Path) -> None:
    """Remove a former export: its own files, second names, and the folders that are then empty.

    Raises:
        ExportError: something else is in it, that came while the export was written.
    """
    for path in entries_below(former) - {MANIFEST}:
        place, kept = former / path, final / path
        if path in own or (os.path.lexists(kept) and os.path.samestat(place.lstat(), kept.lstat())):
            place.unlink()
    remove_empty(former)
    if entries_below(former) == {MANIFEST}:  # last: it says whose the others are
        (former / MANIFEST).unlink()
    try:
        former.rmdir()
    except OSError as error:
        raise ExportError(
            f"{former} holds files that were added while the export was written: move them away"
        ) from error


def empty_folders(folder: Path) -> list[Path]:
    """Return the folders below a folder in which nothing lies."""
    return [
        Path(place)
        for place, folders, files in os.walk(folder, followlinks=False)
        if not folders and not files and Path(place) != folder
    ]


def remove_empty(folder: Path) -> None:
    """Remove the folders below a folder in which no file lies."""
    while empty := empty_folders(folder):
        for place in empty:
            place.rmdir()
