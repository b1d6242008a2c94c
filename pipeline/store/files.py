"""Where files lie: on a disk as ``pathlib.Path``, in an object store as ``ObjectPath``, by fsspec.

An object appears whole or not at all, as a renamed file does; it can't be renamed, mapped into
memory or locked. So a shard is made on this machine's disk and sent, a whole one fetched before it
is read, and a lock is a lease (``store.leases``).
"""

import fnmatch
import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

from pipeline.errors import StageError, one_line

_DISKS = ("file", "local")
_STORES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}
"""The package that opens an address, by how it begins."""


@dataclass(frozen=True)
class ObjectPath:
    """A place in an object store, with what of ``pathlib.Path`` shards need.

    Attributes:
        url: for example ``s3://bucket/prepared/align``.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> Self:
        return type(self)(f"{self.url.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        """What comes after the last slash."""
        return self.url.rpartition("/")[2]

    @property
    def parent(self) -> Self:
        """What comes before the last slash."""
        return type(self)(self.url.rpartition("/")[0])

    def with_name(self, name: str) -> Self:
        """Return the place of another name beside this one."""
        return self.parent / name

    @property
    def fs(self) -> Any:
        """The fsspec file system; it keeps no listings, as others write there, too."""
        return _file_system(self.url.partition("://")[0])

    @property
    def key(self) -> str:
        """What the file system calls the place."""
        return str(self.fs._strip_protocol(self.url))

    @property
    def parts(self) -> tuple[str, ...]:
        """The names on the way, the bucket's first."""
        return tuple(self.url.partition("://")[2].split("/"))

    def absolute(self) -> Self:
        """Return the place itself."""
        return self

    def exists(self) -> bool:
        """Tell whether there is such an object."""
        return bool(self.fs.isfile(self.key))

    def stamp(self) -> list[str]:
        """Return what changes whenever the object does.

        Raises:
            FileNotFoundError: there is no such object.
        """
        return [str(self.fs.ukey(self.key))]

    def read_bytes(self) -> bytes:
        """Return a small object's bytes.

        Raises:
            FileNotFoundError: there is no such object.
        """
        return bytes(self.fs.cat_file(self.key))

    def write_bytes(self, data: bytes) -> None:
        """Put a small object in place, over a former one."""
        self.fs.pipe_file(self.key, data)

    def create(self, data: bytes) -> bool:
        """Put a small object in place unless there is one; tells whether it did."""
        try:
            self.fs.pipe_file(self.key, data, mode="create")
        except OSError as error:
            # What a store answers to a condition that does not hold is no error of its own kind.
            if isinstance(error, FileExistsError) or self.exists():
                return False
            raise
        return True

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove the object.

        Raises:
            FileNotFoundError: there is none, and that is not right.
        """
        try:
            self.fs.rm_file(self.key)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def glob(self, pattern: str) -> Iterator[Self]:
        """Yield the objects below this place, not deeper, whose names match.

        Raises:
            StageError: the store can't be reached or entered. To list is the first that is asked.
        """
        with explained(self.url, StageError):
            try:
                found = self.fs.ls(self.key, detail=False)
            except FileNotFoundError:
                return
        names = sorted(str(path).rstrip("/").rpartition("/")[2] for path in found)
        yield from (self / name for name in names if fnmatch.fnmatchcase(name, pattern))

    def is_dir(self) -> bool:
        """Tell whether there are objects below this place; see ``glob``."""
        with explained(self.url, StageError):
            return bool(self.fs.isdir(self.key))

    def fetch(self, path: Path) -> None:
        """Copy the object to a disk."""
        self.fs.get_file(self.key, str(path))

    def send(self, path: Path) -> None:
        """Put a file of this disk in place, over a former object."""
        self.fs.put_file(str(path), self.key)


Place = Path | ObjectPath


def place_of(address: str | Path) -> Place:
    """Return the place that an address names: a path, or a URL as fsspec takes it.

    Raises:
        StageError: the package that opens such addresses is not installed, or it names no bucket.
    """
    kind, mark, rest = str(address).partition("://")
    if not mark:
        return Path(address)
    if kind in _DISKS:
        return Path(rest)
    _check_bucket(str(address))
    try:
        _file_system(kind)
    except (ImportError, ValueError) as error:
        raise _unopened(str(address), error) from error
    return ObjectPath(str(address).rstrip("/"))


def _check_bucket(address: str) -> None:
    """Refuse a URL that ends where the bucket's name begins."""
    kind, mark, rest = address.partition("://")
    if mark and kind not in _DISKS and not rest.strip("/"):
        raise StageError(f"{address}: expected a bucket and a folder, as {kind}://bucket/folder")


def _unopened(address: str, error: Exception) -> StageError:
    package = _STORES.get(address.partition("://")[0], "its package")
    return StageError(
        f"{address}: {one_line(error)}; {package} is needed for such an address: "
        "`pip install 'crossband[export]'` installs it for S3 and Google Cloud Storage"
    )


def data_folder() -> Place:
    """Return where data sets lie: ``data``, or the URL ``CROSSBAND_DATA``.

    Raises:
        StageError: nothing opens such a URL.
    """
    return place_of(os.environ.get("CROSSBAND_DATA") or "data")


@dataclass(frozen=True)
class Files:
    """All files below a folder or a prefix of an object store; can be sent to another process.

    Attributes:
        url: fsspec URL.
    """

    url: str

    @cached_property
    def _place(self) -> tuple[Any, str]:
        import fsspec

        try:
            _check_bucket(self.url)
            fs, root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise _unopened(self.url, error) from error
        return fs, str(root).rstrip("/")

    @property
    def fs(self) -> Any:
        """The fsspec file system."""
        return self._place[0]

    @property
    def local(self) -> Path | None:
        """The folder, where it is on a local disk."""
        from fsspec.implementations.local import LocalFileSystem

        return Path(self._place[1]) if isinstance(self.fs, LocalFileSystem) else None

    def at(self, path: str) -> str:
        """Return a file's place in the file system."""
        return f"{self._place[1]}/{path}"

    def read(self, path: str) -> bytes | None:
        """Return a small file's bytes, None where there is no such file."""
        try:
            return bytes(self.fs.cat_file(self.at(path)))
        except FileNotFoundError:
            return None

    def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Return small files' bytes, from an object store many at once; those that are there."""
        places = {self.at(path): path for path in paths}
        plain, others = _apart(places)
        found = self.fs.cat(plain, on_error="return") if plain else {}
        read = {}
        for place, data in found.items():
            if isinstance(data, FileNotFoundError):
                continue
            if isinstance(data, Exception):  # it may be there
                raise data
            read[places[place]] = bytes(data)
        single = {path: self.read(path) for path in (places[place] for place in others)}
        return read | {path: data for path, data in single.items() if data is not None}

    def files(self) -> list[str]:
        """Return the relative paths of all files."""
        self.fs.invalidate_cache()
        found = self.fs.find(self._place[1])
        return sorted(str(path)[len(self._place[1]) + 1 :] for path in found)

    def details(self) -> dict[str, dict[str, Any]]:
        """Return what the file system says of all files, by relative path."""
        self.fs.invalidate_cache()
        found = self.fs.find(self._place[1], detail=True)
        start = len(self._place[1]) + 1
        return {str(path)[start:]: info for path, info in found.items()}

    @cached_property
    def _lengths(self) -> dict[str, int]:
        return {path: int(info["size"]) for path, info in self.details().items()}

    def length(self, path: str) -> int | None:
        """Return the length that a file had when this was first asked, None if it was not there."""
        return self._lengths.get(path)

    def fetch(self, paths: Sequence[str], folder: Path) -> None:
        """Copy files into a local folder."""
        self.fs.get([self.at(path) for path in paths], [str(folder / path) for path in paths])

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files of an object store."""
        plain, others = _apart([self.at(path) for path in paths])
        if plain:
            self.fs.rm(plain)
        for place in others:
            self.fs.rm_file(place)


def _apart(places: Iterable[str]) -> tuple[list[str], list[str]]:
    """Part places that fsspec takes as they are from those whose name it takes for a pattern.

    Where it works on many files at once, ``a[1].png`` stands for ``a1.png``, another file.
    """
    every = list(places)
    plain = [place for place in every if glob.escape(place) == place]
    return plain, [place for place in every if glob.escape(place) != place]


def literal(place: Place) -> str:
    """Return the pattern of a place alone, for DuckDB: it takes ``run[1]`` for ``run1``."""
    return glob.escape(str(place))


def path_of(place: Place) -> Path:
    """Return a place's path on this machine's disk.

    Raises:
        StageError: it is in an object store.
    """
    if isinstance(place, ObjectPath):
        raise StageError(
            f"{place}: expected shards on a disk, as they are mapped into memory here: copy them "
            "into data/ first, with the object store's own program"
        )
    return place


@cache
def _file_system(kind: str) -> Any:
    import fsspec  # most runs never leave the disk

    return fsspec.filesystem(kind, use_listings_cache=False)


@contextmanager
def explained(url: str, make: Callable[[str], Exception]) -> Iterator[None]:
    """Turn what an object store refuses into one message that says what to do.

    Args:
        url: where.
        make: makes the error of a message.
    """
    try:
        yield
    except refusals(url) as error:
        raise make(f"{url}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = one_line(error)
    if "credentials" in text.lower():
        return (
            f"{text}. Set the store's credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
            "(and AWS_ENDPOINT_URL) or a profile for s3://, GOOGLE_APPLICATION_CREDENTIALS for gs://"
        )
    return text


def refusals(url: str) -> tuple[type[Exception], ...]:
    """Return what an object store raises that refuses or is away: not all of it is ``OSError``."""
    if url.startswith(("s3://", "s3a://")):
        from botocore.exceptions import BotoCoreError, ClientError

        return OSError, BotoCoreError, ClientError
    if url.startswith(("gs://", "gcs://")):
        from aiohttp import ClientError as ConnectionLost
        from gcsfs.retry import HttpError
        from google.auth.exceptions import GoogleAuthError

        return OSError, GoogleAuthError, HttpError, ConnectionLost
    return (OSError,)
