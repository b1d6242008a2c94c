"""Which files of an output were found whole, so that all of a file is read only once for that.

A stage reads two small columns of its former output. Whether every other byte is as it was written
would take reading all; so it is noted which file was written or found whole, by its length, its
time and its inode, in ``.<stage>.checked`` beside the output. A copy is read whole once.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.errors import DamageError
from pipeline.store.files import ObjectPath, Place
from pipeline.store.seal import check_whole

_Stamp = list[int] | list[str]


@dataclass
class CheckedFiles:
    """The files of an output that are known to be whole."""

    folder: Place
    _known: dict[str, _Stamp] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self._known = json.loads(self._record.read_bytes())["files"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            self._known = {}

    def fault(self, path: Place) -> DamageError | None:
        """Return what is wrong with a file of the output, None where it is whole or not there."""
        try:
            if self._known.get(self._name(path)) != _stamp(path):
                check_whole(path)
        except FileNotFoundError:
            return None
        except DamageError as error:
            return error
        return None

    def note(self, paths: Iterable[Place]) -> None:
        """Note that these files are whole, and no other."""
        files = {self._name(path): _stamp(path) for path in paths}
        if files == self._known:
            return
        text, record = json.dumps({"files": files}).encode(), self._record
        if isinstance(record, ObjectPath):
            record.write_bytes(text)
            return
        partial = record.with_name(f"{record.name}.partial")
        partial.write_bytes(text)
        partial.replace(record)

    @property
    def _record(self) -> Place:
        return self.folder.with_name(f".{self.folder.name}.checked")

    def _name(self, path: Place) -> str:
        return str(path).removeprefix(f"{self.folder}/")


def _stamp(path: Place) -> _Stamp:
    if isinstance(path, ObjectPath):
        return path.stamp()
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]
