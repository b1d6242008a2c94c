"""Sample ids: the characters they are made of, and how a count becomes a part of one.

All legal characters sort behind ``#``, so that the rows derived from a sample
(``<sample_id>#<what>``) stay next to it in a sorted shard.
"""

import os
import re
from urllib.parse import quote

from pipeline.errors import SchemaError

_MARKS = "/._-+=~"
"""What a sample id has besides letters, digits and ``%``, which stands for any other byte."""

_PLAIN = rf"[A-Za-z0-9%{re.escape(_MARKS)}]+"
_DERIVED = rf"[A-Za-z0-9%{re.escape(_MARKS.replace('/', ''))}]+"
_SAMPLE_ID = re.compile(rf"{_PLAIN}(#{_DERIVED})*")
_PLACES = 3
"""Digits of a count of what is in one image."""
_FRAME_PLACES = 6
"""Of a frame: nine hours at 30 a second."""


def quoted_id(path: str) -> str:
    """Make a sample id of a relative path: what is no legal character is percent-encoded."""
    return quote(os.fsencode(path), safe=_MARKS)


def check_sample_id(sample_id: str) -> None:
    """Refuse a sample id that could not be sorted, sharded or written to a file safely.

    Raises:
        SchemaError: the id is empty, holds another character, or climbs out of a folder.
    """
    if not _SAMPLE_ID.fullmatch(sample_id) or ".." in sample_id.split("/"):
        raise SchemaError(
            f"sample id {sample_id!r}: expected letters, digits and {' '.join(_MARKS)} % only "
            "(readers percent-encode the rest), with '#' before what a stage derives"
        )


def file_stem(sample_id: str) -> str:
    """Return what begins the name of a sample's files: its id below the last folder."""
    return sample_id.rpartition("/")[2]


def frame_name(index: int) -> str:
    """Name a frame of a video by its index from 0: see ``counted``."""
    return counted("", index, _FRAME_PLACES)


def counted(what: str, number: int, places: int = _PLACES) -> str:
    """Name one of several so that names sort as numbers do, however many there are.

    Args:
        what: of which there are several, for example ``face``.
        number: from 0.
        places: digits that a number is filled up to; ``~``, which sorts behind them, begins a
            longer one, once for each digit more.
    """
    digits = f"{number:0{places}d}"
    return f"{what}{'~' * (len(digits) - places)}{digits}"
