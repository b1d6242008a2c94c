"""What is known of an output's files without opening them, in ``.<stage>.checked`` beside it.

A stage reads two small columns of its former output. Whether every other byte is as it was written
would take reading all; so it is noted which file was written or found whole, by its length, its
time and its inode. A copy is read whole once. And of each shard it is noted what it was made of and
how many rows it holds: while that stays, nobody opens it. The record begins with its own sha256:
of a damaged one nothing is believed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from pipeline.errors import DamageError
from pipeline.store.files import ObjectPath, Place
from pipeline.store.seal import check_whole
from pipeline.store.whole import write_whole

_Stamp = list[int] | list[str]


@dataclass(frozen=True)
class Made:
    """What a shard was made of, and what came of it.

    Attributes:
        made_by: digest of what its rows have in common: see ``StageKey``.
        made_of: changes whenever a row of its input may have, or what rows are made by.
        rows_in: rows of the input.
        rows_out: rows of the output.
        rejected: rows that left, by reason.
    """

    made_by: str
    made_of: str
    rows_in: int
    rows_out: int
    rejected: dict[str, int]


@dataclass
class CheckedFiles:
    """The files of an output that are known to be whole, and what its shards were made of."""

    folder: Place
    _known: dict[str, _Stamp] = field(init=False)
    _made: dict[str, Made] = field(init=False)

    def __post_init__(self) -> None:
        try:
            digest, _, text = self._record.read_bytes().partition(b"\n")
            found = json.loads(text) if digest == _digest(text) else {}
            self._known = found["files"]
            self._made = {name: Made(**made) for name, made in found["shards"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._known, self._made = {}, {}

    def fault(self, path: Place) -> DamageError | None:
        """Return what is wrong with a file of the output, None where it is whole or not there."""
        try:
            if not self._is_known(path):
                check_whole(path)
        except FileNotFoundError:
            return None
        except DamageError as error:
            return error
        return None

    def made(self, accepted: Place, rejected: Place) -> Made | None:
        """Return what is noted of a shard by its two files, None where it may be another by now.

        Args:
            accepted: the file of its rows, whose name is the shard's.
            rejected: the file of the rows that left.
        """
        noted = self._made.get(self._name(accepted))
        if noted is None:
            return None
        try:
            return noted if self._is_known(accepted) and self._is_known(rejected) else None
        except FileNotFoundError:
            return None

    def note(self, paths: Iterable[Place], made: Mapping[Place, Made] | None = None) -> None:
        """Note that these files are whole, and no other.

        Args:
            paths: the files.
            made: of a shard whose input can be known without reading it, by the file of its rows.
        """
        files = {self._name(path): stamp_of(path) for path in paths}
        shards = {self._name(path): one for path, one in (made or {}).items()}
        if (files, shards) == (self._known, self._made):
            return
        known = {"files": files, "shards": {name: asdict(one) for name, one in shards.items()}}
        text, record = json.dumps(known).encode(), self._record
        text = _digest(text) + b"\n" + text
        if isinstance(record, ObjectPath):
            record.write_bytes(text)
            return
        write_whole(record, text)

    @property
    def _record(self) -> Place:
        return self.folder.with_name(f".{self.folder.name}.checked")

    def _name(self, path: Place) -> str:
        return str(path).removeprefix(f"{self.folder}/")

    def _is_known(self, path: Place) -> bool:
        return self._known.get(self._name(path)) == stamp_of(path)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def stamp_of(path: Place) -> _Stamp:
    """Return what changes whenever a shard's file is replaced.

    Raises:
        FileNotFoundError: there is none.
    """
    if isinstance(path, ObjectPath):
        return path.stamp()
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]
