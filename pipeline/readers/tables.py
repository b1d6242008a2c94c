"""Text that others wrote: lists and tables in the encodings and delimiters that programs give them.

Excel writes UTF-8 with a byte order mark, UTF-16, or the Windows code page, and semicolons where a
comma is the decimal sign. What is read is told by the content; what is not text is refused.
"""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.ops.containers import UndecodableError
from pipeline.readers.files import read_file

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DELIMITERS = ",;\t|"
_LONGEST_CELL = 1 << 24
_LOOKED_AT = 1024


def read_text(file: Path) -> str:
    """Read a text file: UTF-8, UTF-16, else the Windows code page 1252.

    Raises:
        ReaderError: it can't be read, or holds a NUL; names the line.
    """
    try:
        data = read_file(file)
    except OSError as error:
        raise ReaderError(f"{file}: {error.strerror}") from error
    except UndecodableError as error:
        raise ReaderError(f"{file}: {error}") from error
    text = _decoded(data)
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ReaderError(
            f"{file}, line {line}: expected a text list, found binary data (a NUL): save the list "
            "as UTF-8"
        )
    return text


def _decoded(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    if encoding is None and (order := _zeros_in_turn(data[:_LOOKED_AT])):
        encoding = order
    for name in (encoding or "utf-8", "cp1252"):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _zeros_in_turn(data: bytes) -> str | None:
    """Return the UTF-16 without a mark that bytes are: every second one is 0."""
    if len(data) < 4 or 0 not in data:
        return None
    even, odd = data[::2].count(0) / len(data[::2]), data[1::2].count(0) / len(data[1::2])
    if odd > 0.9 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.9 and odd < 0.1 else None


def delimiter_of(text: str) -> str:
    """Return what a table's first line is cut at: comma, semicolon, tabulator or bar."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = "".join(first.split('"')[::2])  # what stands in quotes counts for nothing
    return max(_DELIMITERS, key=bare.count)


def read_cells(file: Path) -> list[tuple[int, list[str]]]:
    """Read the lines of a table, each with the number of its first line in an editor.

    Cells are stripped and in Unicode's composed form; blank lines stay out.

    Raises:
        ReaderError: it is no text, or a cell does not end.
    """
    return list(_lines(file))


def read_header(file: Path) -> list[str]:
    """Read the first line of a table alone, as ``read_cells`` does; nothing of an empty file."""
    return next(_lines(file), (0, []))[1]


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    text = read_text(file)
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter_of(text),
        skipinitialspace=True,  # quotes count behind a blank, too
        strict=True,
    )
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ReaderError(
                f"{file}, line {number}: a cell in quotes does not end, or something follows the "
                "quotes"
            ) from error
        if cells is None:
            return
        cells = [unicodedata.normalize("NFC", cell.strip()) for cell in cells]
        if any(cells):
            yield number, cells


def read_rows(file: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Read a table with a header.

    Returns:
        The names of the columns, and each line's number and cells by name; no line of an empty
        file.

    Raises:
        ReaderError: a name stands twice, or a line has another number of cells.
    """
    header, rows = open_rows(file)
    return header, list(rows)


def open_rows(file: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """Read a table as ``read_rows`` does, its lines one after the other: a list may be long."""
    lines = _lines(file)
    header = next(lines, (0, []))[1]
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise ReaderError(f"{file}: the header names {twice[0]!r} twice")
    return header, _named(file, header, lines)


def _named(
    file: Path, header: list[str], lines: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, cells in lines:
        if len(cells) != len(header):
            raise ReaderError(
                f"{file}, line {number}: expected {len(header)} cells, as in the header, "
                f"found {len(cells)}"
            )
        yield number, dict(zip(header, cells, strict=True))


def whole_id(cell: str) -> str:
    """Return an identifier as it was before a spreadsheet made it a float: 187.0 → 187."""
    return cell[:-2] if cell.endswith(".0") and cell[:-2].isdecimal() else cell
