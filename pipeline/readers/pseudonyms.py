"""Names taken out while a data set is listed: a keyed hash stands in the place of each.

Who has the key can make the pseudonym of a name again; who has not can't even try all names, as an
unkeyed hash would let him. The key is a file outside the project, so that neither git nor DVC takes
it along: ``CROSSBAND_PSEUDONYM_KEY`` names it.

Reference:
    RFC 2104, HMAC: Keyed-Hashing for Message Authentication.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.readers.files import shown
from pipeline.readers.listing import load_file
from pipeline.store.shots import without_band
from pipeline.types import Row

KEY_FILE = "CROSSBAND_PSEUDONYM_KEY"

FEWEST_BYTES = 32
_DIGITS = 24
_NAMES = ("sample_id", "subject_id", "session_id")
"""What a folder's or a file's name, or a cell of the user's, is the source of."""


def pseudonym_key() -> bytes:
    """Return the key.

    Raises:
        ReaderError: none is named, or it lies in the project, can be read by others, or is short.
    """
    named = os.environ.get(KEY_FILE)
    make = f"make one: `umask 077; head -c 32 /dev/urandom > ~/crossband.key`, and set {KEY_FILE}"
    if not named:
        raise ReaderError(f"pseudonyms: expected {KEY_FILE} to name a file with the key; {make}")
    path = Path(named).resolve()
    if path.is_relative_to(Path.cwd().resolve()):
        raise ReaderError(
            f"{KEY_FILE}: {path} is inside the project, and would be shared with it: {make}"
        )
    try:
        readable = path.stat().st_mode & 0o077
        key = path.read_bytes()
    except OSError as error:
        raise ReaderError(f"{KEY_FILE}: {path}: {error.strerror}; {make}") from error
    if readable:
        raise ReaderError(f"{KEY_FILE}: {path} can be read by others: `chmod 600` it")
    if len(key) < FEWEST_BYTES:
        raise ReaderError(f"{KEY_FILE}: expected at least {FEWEST_BYTES} bytes of key; {make}")
    return key


def pseudonym(key: bytes, dataset: str, column: str, name: str) -> str:
    """Return what stands for a name: 96 bits in hexadecimal digits, other ones in each data set."""
    message = "\0".join((dataset, column, name)).encode(errors="surrogateescape")
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:_DIGITS]


def without_names(rows: Sequence[Row], dataset: str, key: bytes) -> list[Row]:
    """Put pseudonyms into the rows of a listing; only ``path``, which is not stored, stays.

    Images of one shot in several bands, told by their names alone, would no longer be known as
    such: where there is no session, what their names have in common becomes their ``media_id``.
    """
    return [
        row
        | {
            name: pseudonym(key, dataset, name, value)
            for name, value in (_named(row) | {"media_id": _shot(row)}).items()
            if value is not None
        }
        for row in rows
    ]


def _named(row: Row) -> dict[str, str | None]:
    return {name: row.get(name) for name in _NAMES}


def _shot(row: Row) -> str | None:
    known = row.get("session_id") or row.get("band") is None
    return None if known else without_band(row["sample_id"], row["band"])


def load_without_name(root: Path, row: Row) -> Row:
    """Load a file; where it can't be read, say so without its name."""
    loaded = load_file(root, row)
    if "unreadable" not in loaded:
        return loaded
    return loaded | {"unreadable": loaded["unreadable"].removeprefix(f"{shown(row['path'])}: ")}
