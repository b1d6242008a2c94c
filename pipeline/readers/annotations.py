"""Tables of boxes and lists of subjects, in any names of columns."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from pipeline.errors import ReaderError
from pipeline.params.datasets import IjbMdfColumns, IjbMdfParams
from pipeline.readers.listing import MOST_FRAMES
from pipeline.readers.tables import delimiter_of, read_cells, read_text, whole_id

_FACE = ("face_x", "face_y", "face_width", "face_height")
_BLANK_LINES = re.compile(r"\A(?:[^\S\r\n]*[\r\n]+)+")
_BODY = ("body_x", "body_y", "body_width", "body_height")


@dataclass(frozen=True)
class Annotations:
    """Lines of the tables, as columns.

    Attributes:
        subjects: (n,) subject ids, object array of strings.
        files: (n,) media as written, object array of strings.
        frames: (n,) int64 frame numbers as written.
        faces_xywh: (n, 4) float64, NaN where empty.
        bodies_xywh: likewise.
        tables: (n,) file and line of each.
    """

    subjects: NDArray[Any]
    files: NDArray[Any]
    frames: NDArray[np.int64]
    faces_xywh: NDArray[np.float64]
    bodies_xywh: NDArray[np.float64]
    tables: NDArray[Any]

    def of(self, chosen: NDArray[Any]) -> Self:
        """Return the lines that a mask or indices choose."""
        return type(self)(*(values[chosen] for values in vars(self).values()))

    def where(self, file: str) -> str:
        """Name the first line that names a media."""
        return str(self.tables[np.flatnonzero(self.files == file)[0]])


def groups(keys: NDArray[Any]) -> Iterator[tuple[Any, NDArray[np.intp]]]:
    """Yield each key once, sorted, with the indices at which it stands, rising."""
    names, places = np.unique(keys, return_inverse=True)
    order = np.argsort(places, kind="stable")
    ends = np.searchsorted(places[order], np.arange(1, len(names)))
    yield from zip(names.tolist(), np.split(order, ends), strict=True)


def read_annotations(
    tables: Sequence[Path], columns: IjbMdfColumns, only: str | None = None
) -> Annotations:
    """Read all tables of boxes, one after the other.

    Args:
        tables: their files.
        columns: names of their columns.
        only: the media that a table without a column of files is of; None where there are several.

    Raises:
        ReaderError: a table is no CSV, lacks a column, or has a cell of the wrong kind.
    """
    parts = [_read(table, columns, only) for table in tables]
    fields = [[vars(part)[name] for part in parts] for name in vars(parts[0])]
    merged = Annotations(*(np.concatenate(values) for values in fields))
    if not len(merged.frames):
        raise ReaderError(f"{tables[0]}: the tables hold only their headers")
    return merged


def read_galleries(root: Path, layout: IjbMdfParams) -> dict[str, str]:
    """Read the lists of subjects.

    Returns:
        The split of each subject.

    Raises:
        ReaderError: a list is missing or empty, or a subject is in two.
    """
    lists = {name: _subjects(root / f"{name}.csv", layout) for name in layout.galleries}
    names = list(lists)
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            if both := sorted(lists[first] & lists[second]):
                raise ReaderError(
                    f"{root}: {len(both)} subjects are in both {first} and {second}, so a test "
                    f"would meet people it was trained on: {', '.join(both[:5])}"
                )
    return {
        subject: str(layout.galleries[name])
        for name, subjects in lists.items()
        for subject in subjects
    }


def _subjects(file: Path, layout: IjbMdfParams) -> set[str]:
    column = layout.columns.subject
    if not file.is_file():
        raise ReaderError(
            f"{file}: expected a list of subjects, found no such file; correct its name in "
            "ijb_mdf.galleries"
        )
    lines = read_cells(file)
    place = 0
    if lines and column in lines[0][1]:
        place = lines[0][1].index(column)
        lines = lines[1:]
    elif any(len(cells) > 1 for _, cells in lines):
        raise ReaderError(f"{file}: expected a column {column!r}, found {lines[0][1]}")
    if not lines:
        raise ReaderError(f"{file}: expected at least one subject, found none")
    for number, cells in lines:
        if not cells[place : place + 1] or not cells[place]:
            raise ReaderError(f"{file}, line {number}: expected a {column}, found {cells}")
    return {whole_id(cells[place]) for _, cells in lines}


def _read(file: Path, columns: IjbMdfColumns, only: str | None) -> Annotations:
    names = columns.model_dump()
    text = read_text(file)
    header, lines = _header(text)
    of_only = only is not None and names["file"] not in header
    with_body = any(names[key] in header for key in _BODY)
    keys = ("subject", *(() if of_only else ("file",)), "frame", *_FACE)
    wanted = [names[key] for key in (*keys, *(_BODY if with_body else ()))]
    _check_header(file, header, wanted)
    table = _table(file, text, wanted, names)
    numbers = lines if len(lines) == len(table) else range(2, len(table) + 2)
    where = np.array([f"{file}, line {number}" for number in numbers], object)
    composed = pc.utf8_normalize(table[names["subject"]], form="NFC")
    subjects = _texts(composed, names["subject"], where)
    return Annotations(
        np.array([whole_id(subject) for subject in subjects], object),
        np.full(len(table), only, object)
        if of_only
        else _texts(table[names["file"]], names["file"], where),
        _frames(table[names["frame"]], names["frame"], where),
        _boxes(table, [names[key] for key in _FACE]),
        _boxes(table, [names[key] for key in _BODY])
        if with_body
        else np.full((len(table), 4), np.nan),
        where,
    )


def _check_header(file: Path, header: list[str], wanted: list[str]) -> None:
    if missing := [name for name in wanted if name not in header]:
        raise ReaderError(
            f"{file}: expected columns {missing}, found {header}; name the table's own columns "
            "in ijb_mdf.columns"
        )
    if twice := [name for name in wanted if header.count(name) > 1]:
        raise ReaderError(f"{file}: the header names {twice[0]!r} twice: expected each column once")


def _texts(cells: pa.ChunkedArray, name: str, where: NDArray[Any]) -> NDArray[Any]:
    """Return cells of text without space around it; none may be empty."""
    values = pc.utf8_trim_whitespace(cells).to_numpy(zero_copy_only=False)
    if len(empty := np.flatnonzero(values == "")):
        raise ReaderError(f"{where[empty[0]]}: {name} is empty")
    return np.asarray(values)


def _frames(cells: pa.ChunkedArray, name: str, where: NDArray[Any]) -> NDArray[np.int64]:
    """Return cells of whole numbers, none more than are stored."""
    frames = cells.to_numpy()
    if len(faulty := np.flatnonzero(~(np.isfinite(frames) & (frames == np.round(frames))))):
        raise ReaderError(f"{where[faulty[0]]}: {name} is not a whole number")
    if len(beyond := np.flatnonzero(np.abs(frames) > MOST_FRAMES)):
        raise ReaderError(
            f"{where[beyond[0]]}: {name} {frames[beyond[0]]:.15g} is beyond "
            f"{MOST_FRAMES}, the highest that can be stored: expected frames numbered from 0 or 1"
        )
    return np.asarray(frames, np.int64)


def _header(text: str) -> tuple[list[str], list[int]]:
    """Return the names of a table's columns, and the numbers of the lines that are not blank."""
    numbers = [number for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    first = text.splitlines()[numbers[0] - 1] if numbers else ""
    return next(csv.reader([first], delimiter=delimiter_of(text)), []), numbers[1:]


def _table(file: Path, text: str, wanted: list[str], names: dict[str, str]) -> pa.Table:
    strings = {names["subject"], names["file"]}
    kinds = {name: pa.string() if name in strings else pa.float64() for name in wanted}
    convert = pa_csv.ConvertOptions(column_types=kinds, include_columns=wanted)
    parse = pa_csv.ParseOptions(delimiter=delimiter_of(text))
    stripped = pa.BufferReader(_BLANK_LINES.sub("", text).encode())
    try:
        return pa_csv.read_csv(stripped, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        raise ReaderError(f"{file}: {error}") from error


def _boxes(table: pa.Table, columns: list[str]) -> NDArray[np.float64]:
    return np.stack([table[name].to_numpy().astype(np.float64) for name in columns], axis=1)
