"""Protocols of pairs that a user lists: a CSV in the folder of the images, for any data set.

It has a header with the columns ``enroll`` and ``probe``, paths of images below that folder, and
``fold``, counted from 1, if pairs lie in folds. Whether a pair is of one person, subjects say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from pipeline.errors import ReaderError
from pipeline.protocols.columns import training
from pipeline.protocols.pairs import Pair, pair_protocol
from pipeline.readers.tables import read_rows
from pipeline.store.protocols import Kind, Protocol, Provenance
from pipeline.types import Row

SIDES, FOLD = ("enroll", "probe"), "fold"
MOST_FOLDS = 1000


def own_pairs(name: str, file: Path, listed: Sequence[Row]) -> Protocol:
    """Make a protocol of a list of pairs; whoever is in the split train trains.

    With folds it is measured as LFW is, by accuracy; without, by TAR at FAR.

    Args:
        name: of the protocol.
        file: the list.
        listed: rows of the data set's reader, with paths.

    Raises:
        ReaderError: the list is not as this module describes it; it names an image that the reader
            does not list, or one of nobody; a pair stands twice in one fold.
    """
    header, lines = read_rows(file)
    if not {*SIDES} <= {*header} <= {*SIDES, FOLD} or not lines:
        raise ReaderError(
            f"{file}: expected the columns enroll, probe and perhaps fold, and a line for each "
            f"pair, found {header or None} and {len(lines)} lines"
        )
    known = by_path(listed)
    pairs = [_pair(f"{file}, line {number}", cells, known) for number, cells in lines]
    samples = {row["sample_id"]: [row] for row in listed}
    kind = Kind.PAIR_ACCURACY if FOLD in header else Kind.VERIFICATION
    made = pair_protocol(name, file.name, pairs, samples, kind)
    return replace(made, source=Provenance.OWN, train=training(listed))


def _pair(where: str, cells: Mapping[str, str], known: Mapping[str, Row]) -> Pair:
    fold = cells.get(FOLD)
    if fold is not None and not (fold.isdecimal() and 1 <= int(fold) <= MOST_FOLDS):
        raise ReaderError(f"{where}: expected a fold of 1..{MOST_FOLDS}, found {fold!r}")
    first, second = (row_of(where, side, cells[side], known) for side in SIDES)
    if first is second:
        raise ReaderError(f"{where}: compares {first['path']!r} with itself: name two images")
    same = first["subject_id"] == second["subject_id"]
    return None if fold is None else int(fold), first["sample_id"], second["sample_id"], same


def by_path(listed: Sequence[Row]) -> dict[str, Row]:
    """Return a reader's rows by the paths that lists name; see ``row_of``."""
    return {normalize("NFC", row["path"]): row for row in listed}


def row_of(where: str, side: str, path: str, known: Mapping[str, Row]) -> Row:
    """Return the row of an image that a list names.

    Args:
        where: file and line, for messages.
        side: of the comparison, for messages.
        path: as the list writes it: backslashes may part folders, ``./a.png`` is ``a.png``.
        known: of ``by_path``.

    Raises:
        ReaderError: there is no such image, or it shows nobody who is known.
    """
    row = known.get(Path(path.replace("\\", "/")).as_posix())
    if row is None:
        raise ReaderError(f"{where}: {side} {path!r} is no image of the data set")
    if not row.get("subject_id"):
        raise ReaderError(f"{where}: {side} {path!r} shows nobody known: name a subject")
    return row
