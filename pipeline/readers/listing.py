"""What all readers share: the rows they make and the checks these must pass."""

import hashlib
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, partial
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.ops.containers import UndecodableError
from pipeline.readers.files import is_behind_link, read_file, shown
from pipeline.store.ids import quoted_id
from pipeline.types import Region, Rejected, Row


def key_of(text: str) -> str:
    """Return the one spelling of a key: without blanks around it, in Unicode's composed form.

    macOS unpacks archives with decomposed names, and tables pad cells; leading zeros stay.
    """
    return unicodedata.normalize("NFC", text.strip())


def sample_id_of(path: str) -> str:
    """Make a sample id of a relative path: what is no legal character is percent-encoded.

    A path has one id in whichever of Unicode's forms its letters are.
    """
    return quoted_id(unicodedata.normalize("NFC", path))


MOST_FRAMES = (1 << 31) - 1
"""No frame has a higher index: the column is of 32 bits."""

KEYS = ("subject_id", "session_id", "camera_id", "media_id")
"""Columns by which rows are taken together."""


def listed_row(path: str, dataset: str, **columns: object) -> Row:
    """Make the row of a sample: its identity and content columns, and the path of its bytes.

    Args:
        path: locator of the bytes, as the reader's loader understands it.
        dataset: name of the data set.
        columns: columns of the schema ``IMAGES`` that the reader knows; the rest stay null. Keys
            get their one spelling; one that is blank is null, and so is a frame's index above
            ``MOST_FRAMES``: it is a time, or another number that counts no frames.
    """
    row: Row = {
        "dataset": dataset,
        "region": str(Region.SCENE),
        "simulated": False,
        **columns,
        "path": path,
    }
    row |= {name: key_of(row[name]) or None for name in KEYS if row.get(name) is not None}
    if abs(row.get("frame_index") or 0) > MOST_FRAMES:
        row["frame_index"] = None
    return {name: value for name, value in row.items() if value is not None}


def load_file(root: Path, row: Row) -> Row:
    """Add the bytes of the row's file as ``content``, or why there are none.

    That is ``unreadable`` where it can't be read, and ``refused`` where nobody should: a list may
    name what lies behind a linked folder. ``path`` is taken out: a data set that moves keeps its
    fingerprints.
    """
    known = {name: value for name, value in row.items() if name != "path"}
    if "refused" in known:
        return known
    try:
        return known | {"content": _read_spelt(root, row["path"])}
    except OSError as error:
        return known | {"unreadable": f"{shown(row['path'])}: {error.strerror}"}
    except UndecodableError as error:
        return known | {"refused": [error.reason, str(error)]}


def stamps_of_files(root: Path, rows: Iterable[Row]) -> str:
    """Return what changes whenever what ``load_file`` adds to one of these rows does.

    A file's length, times and inode tell; the time at which its inode was touched can't be set. A
    folder on the way that became a link counts, too: what lies behind one is refused.
    """
    behind_link = cache(partial(is_behind_link, root))
    digest = hashlib.sha256()
    for row in rows:
        if "refused" not in row:
            path = row["path"]
            spelt = dict.fromkeys((path, unicodedata.normalize("NFD", path)))
            known = [_stamp(f"{root}/{one}") for one in spelt], behind_link(path.rpartition("/")[0])
            digest.update(f"{known};".encode())
    return digest.hexdigest()


def _stamp(path: str) -> tuple[int | None, ...]:
    """Return what tells of a file; a path as text, as one of many is asked for faster so."""
    try:
        told = os.stat(path)  # noqa: PTH116
    except OSError as error:
        return (error.errno,)
    return told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino, told.st_dev


def _read_spelt(root: Path, path: str) -> bytes:
    """Read a file that a list may name in another of Unicode's forms than the disk."""
    try:
        return _read_inside(root, path)
    except FileNotFoundError:
        decomposed = unicodedata.normalize("NFD", path)
        if decomposed == path:
            raise
        return _read_inside(root, decomposed)


def _read_inside(root: Path, path: str) -> bytes:
    if _leads_out(path):
        raise OSError(0, "it is outside the data set")
    if is_behind_link(root, path):
        raise UndecodableError(*LINK)
    return read_file(root / path)


def _leads_out(path: str) -> bool:
    """Tell whether a path that a list names is none below the data set's root."""
    return path.startswith("/") or ".." in path.split("/")


def further_pages(pages: int, part: str) -> list[Rejected]:
    """Tell of the images of a file behind its first, which is the sample."""
    if pages <= 1:
        return []
    return [Rejected("further_pages", f"the file holds {pages} images; the first is taken", part)]


LINK = "linked_folder", "links to folders are not followed: put the folder itself here"
"""Why what lies behind a linked folder is passed over."""


def refused_row(path: str, dataset: str, why: tuple[str, str], **columns: object) -> Row:
    """Make the row of a file that is passed over: ``ingest`` rejects it.

    Args:
        path: as ``listed_row`` takes it.
        dataset: name of the data set.
        why: reason and detail.
        columns: as ``listed_row`` takes them.
    """
    sample_id = sample_id_of(path.rstrip("/"))
    return listed_row(path, dataset, sample_id=sample_id, refused=[*why], **columns)


def check_listing(dataset: str, rows: Iterable[Row]) -> None:
    """Check that files lie below the root, ids are unique, subjects stay within one split.

    Raises:
        ReaderError: names the first offenders and how many there are.
    """
    first: dict[str, str] = {}
    doubled, outside = [], []
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        if (sample_id := row["sample_id"]) in first:
            doubled.append(f"{sample_id} ({first[sample_id]} and {row['path']})")
        first[sample_id] = row["path"]
        if _leads_out(row["path"]):
            outside.append(row["path"])
        if row.get("subject_id") and row.get("split"):
            splits[row["subject_id"]].add(row["split"])
    if outside:
        raise ReaderError(
            f"data set {dataset!r}: {len(outside)} paths of its lists lead outside its root: "
            f"{_some(outside)}; expected paths below it"
        )
    if doubled:
        raise ReaderError(
            f"data set {dataset!r}: {len(doubled)} sample ids occur twice: {_some(doubled)}"
        )
    if mixed := sorted(subject for subject, found in splits.items() if len(found) > 1):
        raise ReaderError(
            f"data set {dataset!r}: {len(mixed)} subjects are in more than one split, so a test "
            f"would meet people it was trained on: {_some(mixed)}"
        )


def _some(items: Sequence[str], most: int = 5) -> str:
    return ", ".join(items[:most]) + (", …" if len(items) > most else "")
