"""Files of an export on a disk or in an object store, by fsspec, each with its sha256."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import ExportError, refusal
from pipeline.exporters.names import check_inside
from pipeline.store import files
from pipeline.store.files import Files
from pipeline.store.regular import open_regular

MANIFEST = "manifest.json"
PIECES = "_parts"
CLAIM = f"{PIECES}/claim.json"
NOTED = ".writes.json"
_BATCH_BYTES = 32 << 20
_BATCH_FILES = 64


@dataclass(frozen=True)
class FileEntry:
    """A file of an export."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """What a finished unit left: kept as long as its key holds.

    Attributes:
        key: digest of all that the unit's bytes depend on.
        files: what it wrote.
    """

    key: str
    files: tuple[FileEntry, ...]


@dataclass(frozen=True)
class Store(Files):
    """Where an export lies, with what it noted there.

    Attributes:
        foreign: files there that are the user's and are never written to.
        former: files of the export that stands in an object store: its manifest goes before the
            first of them is written over, and not earlier.
    """

    foreign: frozenset[str] = frozenset()
    former: frozenset[str] = frozenset()

    @property
    def beside(self) -> Path | None:
        """Where what memory may not hold waits: on the export's disk, None for ``TMPDIR``."""
        return self.local.parent if self.local else None

    def receipt(self, unit: str) -> Receipt | None:
        """Return what a former run noted of a unit."""
        text = self.read(f"{PIECES}/{unit}.json")
        return None if text is None else receipt_of(text)


def receipt_of(text: bytes) -> Receipt | None:
    """Read a receipt; None where it is cut, or something else: the unit is then written anew."""
    try:
        values = json.loads(text)
        written = tuple(FileEntry(**entry) for entry in values["files"])
        return Receipt(str(values["key"]), written)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


class Sink:
    """Writes the files of one unit and notes their sha256.

    Small files for an object store are sent many at once, and noted before: what an interrupted
    run leaves there is known to be crossband's.

    Args:
        store: where to.
        unit: name of the unit; None for files of the export's own housekeeping.

    Attributes:
        entries: the files written so far.
    """

    def __init__(self, store: Store, unit: str | None = None) -> None:
        self.store = store
        self._unit = unit
        self._notes = 0
        self._replacing = False
        self.entries: list[FileEntry] = []
        self._folders: set[Path] = set()
        self._waiting: dict[str, bytes] = {}

    def put(self, path: str, data: bytes) -> None:
        """Write a small file."""
        digest = hashlib.sha256(data).hexdigest()
        self.entries.append(FileEntry(self._checked(path), len(data), digest))
        if self.store.local:
            self._fresh(path).write_bytes(data)
            return
        self._waiting[path] = data
        many = len(self._waiting) >= _BATCH_FILES
        if many or sum(map(len, self._waiting.values())) >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            self._note(list(self._waiting))
            self.store.fs.pipe({self.store.at(path): data for path, data in self._waiting.items()})
            self._waiting = {}

    def _note(self, paths: Sequence[str]) -> None:
        """Note in an object store which files are about to be written."""
        if self._unit is None:
            return
        text = json.dumps({"crossband_writes": list(paths)})
        place = self.store.at(f"{PIECES}/{self._unit}.{self._notes}{NOTED}")
        self.store.fs.pipe_file(place, text.encode())
        self._notes += 1
        if not self._replacing and not self.store.former.isdisjoint(paths):
            with suppress(FileNotFoundError):
                self.store.fs.rm_file(self.store.at(MANIFEST))
            self._replacing = True

    def _checked(self, path: str) -> str:
        """Refuse to write outside the export, or over a file of the user's."""
        if path in self.store.foreign:
            raise ExportError(
                f"{self.store.url}/{path} is not part of the export, but has the name of one of "
                "its files: move it away"
            )
        return check_inside(path)

    @contextmanager
    def file(self, path: str) -> Iterator["HashedFile"]:
        """Open a file of any length; where an error ends it, an object store keeps nothing."""
        self._checked(path)
        if self.store.local is None:
            self._note([path])
        raw = self._fresh(path).open("wb") if self.store.local else self._remote(path)
        out = HashedFile(raw)
        try:
            yield out
        except BaseException:
            _discard(raw)
            raise
        raw.close()
        self.entries.append(FileEntry(path, out.written, out.sha256))

    def take(self, path: str, file: Path) -> None:
        """Move a finished local file into the export."""
        if self.store.local:
            with file.open("rb") as data:
                digest = hashlib.file_digest(data, "sha256").hexdigest()
            self.entries.append(FileEntry(self._checked(path), file.stat().st_size, digest))
            shutil.move(file, self._fresh(path))
            return
        with self.file(path) as out, file.open("rb") as data:
            shutil.copyfileobj(data, out, 1 << 20)

    def receipt(self, unit: str, key: str) -> Receipt:
        """Note that the unit is finished."""
        self.flush()
        receipt = Receipt(key, tuple(self.entries))
        text = json.dumps({"key": key, "files": [asdict(entry) for entry in self.entries]})
        Sink(self.store).put_now(f"{PIECES}/{unit}.json", text.encode())
        return receipt

    def put_now(self, path: str, data: bytes) -> None:
        """Write a small file at once."""
        self.put(path, data)
        self.flush()

    def _fresh(self, path: str) -> Path:
        """Return a place where nothing lies: what lay there may have a second name elsewhere."""
        place = Path(self.store.at(path))
        if place.parent not in self._folders:
            place.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(place.parent)
        if os.path.lexists(place):
            place.unlink()
        return place

    def _remote(self, path: str) -> BinaryIO:
        opened: BinaryIO = self.store.fs.open(self.store.at(path), "wb")
        return opened


class HashedFile:
    """A file that knows the length and the sha256 of what was written to it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._digest = hashlib.sha256()
        self.written = 0

    @property
    def sha256(self) -> str:
        """Digest of all bytes so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self._raw.write(data)
        self._digest.update(data)
        self.written += len(data)
        return len(data)

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self.written

    @property
    def closed(self) -> bool:
        """Tell whether the file below is closed."""
        return bool(self._raw.closed)

    def flush(self) -> None:
        """Do nothing: the file is complete when ``Sink.file`` ends."""

    close = flush


def check_files(folder: Path, entries: Sequence[FileEntry]) -> None:
    """Compare the files of a local folder with their sha256.

    Raises:
        ExportError: names the first that is missing, another one, or no regular file.
    """
    for entry in entries:
        try:
            with open_regular(folder / entry.path) as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise ExportError(f"{entry.path} is missing from the export") from error
        except OSError as error:
            raise ExportError(f"{entry.path} can't be read: {refusal(error)}") from error
        if found != entry.sha256:
            raise ExportError(
                f"{entry.path}: expected sha256 {entry.sha256}, found {found}: the file was "
                "changed or did not arrive whole"
            )


def _discard(raw: Any) -> None:
    """Close an unfinished file without committing it."""
    if hasattr(raw, "discard") and hasattr(raw, "fs"):
        raw.discard()
        raw.closed = True
    else:
        raw.close()


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what a disk or an object store refuses into one message that says what to do.

    Raises:
        ExportError: the disk is full, or the store can't be reached, entered or written.
    """
    with files.explained(url, ExportError), room(url):
        yield


@contextmanager
def room(url: str) -> Iterator[None]:
    """Name the disk that is full: that of a folder, or where files for an object store wait.

    Raises:
        ExportError: it is.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = url if Store(url).local else f"{tempfile.gettempdir()} (TMPDIR)"
        raise ExportError(
            f"the disk that holds {place} is full: make room and run this again; an export goes on "
            "with the files that it finished"
        ) from error
