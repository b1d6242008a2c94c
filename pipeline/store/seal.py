"""The seal of a Parquet file: checksums in its own footer, by which any damage to it is noticed.

Arrow checks a page's bytes when it reads them, and nothing else: neither the headers of the pages
nor the footer, whose statistics decide what is read at all. So each file holds two checksums as one
entry of its footer: of all before the footer, and of the footer itself.

Reference:
    Apache Parquet, file format: the footer, its length in four bytes, and ``PAR1`` end a file.
"""

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import DamageError, OlderError
from pipeline.scratch import ScratchFolder
from pipeline.store.files import ObjectPath, Place
from pipeline.store.whole import written_whole

_KEY = "crossband.seal"
UNSEALED = {_KEY: "crossband-seal:00000000:00000000"}
"""What a writer adds to the footer's entries before it closes a file, and ``seal`` fills in."""

_SEAL = re.compile(rb"crossband-seal:([0-9a-f]{8}):([0-9a-f]{8})")
_NONE = b"0" * 8
_END = b"PAR1"
_LENGTH = 4
_BLOCK = 1 << 20


def seal(path: Path) -> None:
    """Put the checksums into a file that was written with ``UNSEALED``."""
    with path.open("r+b") as file:
        start, footer = _footer(path, file)
        match = _one_seal(path, footer)
        footer = _with(footer, match.start(1), b"%08x" % _body(file, start))
        footer = _with(footer, match.start(2), b"%08x" % zlib.crc32(footer))
        file.seek(start)
        file.write(footer)


def write_sealed(
    table: pa.Table, path: Path, *, row_group_rows: int | None = None, **options: Any
) -> None:
    """Write a table as a sealed file that appears whole or not at all.

    Args:
        table: what is written.
        path: the file.
        row_group_rows: rows of a row group, Arrow's number by default.
        options: of ``pyarrow.parquet.ParquetWriter``.
    """
    with written_whole(path) as partial:
        with pq.ParquetWriter(partial, table.schema, write_page_checksum=True, **options) as writer:
            writer.write_table(table, row_group_rows)
            writer.add_key_value_metadata(UNSEALED)
        seal(partial)


def read_sealed(path: Path) -> pa.Table:
    """Read a table that ``write_sealed`` wrote, or one of a version that sealed none.

    Raises:
        DamageError: any byte of it is damaged, or it is no Parquet file.
        FileNotFoundError: there is no such file.
    """
    with suppress(OlderError):
        check_whole(path)
    with telling_damage(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read()


def check_footer(path: Place) -> None:
    """Refuse a file whose footer is damaged, or that has no seal.

    Raises:
        DamageError: it is.
        FileNotFoundError: there is no such file.
    """
    opening = path.fs.open(path.key) if isinstance(path, ObjectPath) else path.open("rb")
    with opening as file:
        _checked_footer(path, file)


def check_whole(path: Place) -> None:
    """Refuse a file of which any byte is damaged; reads all of it.

    Raises:
        DamageError: one is.
        FileNotFoundError: there is no such file.
        OSError: it can't be read; names the file.
    """
    try:
        with on_disk(path) as here, here.open("rb") as file:
            _check_all(path, file)
    except OSError as error:
        error.filename = error.filename or str(path)  # what fails at reading names none
        raise


def _check_all(path: Place, file: BinaryIO) -> None:
    start, body = _checked_footer(path, file)
    if _body(file, start) != body:
        raise damaged(path, "its bytes have changed since it was written")


@contextmanager
def opened(
    path: Place, columns: Sequence[str] | None = None, *, whole: bool = False
) -> Iterator[Any]:
    """Open a sealed file; what Arrow finds wrong while it is read is damage.

    Args:
        path: the file.
        columns: all that will be read of it, so that nothing else is fetched from an object store;
            None where it may be anything, and the whole object is fetched.
        whole: every byte is checked first, not those alone that are read.

    Yields:
        A ``pyarrow.parquet.ParquetFile`` that checks each page.

    Raises:
        DamageError: the file is damaged.
        FileNotFoundError: there is no such file.
    """
    if isinstance(path, ObjectPath) and columns is not None:
        with _some_columns(path, columns) as file:
            yield file
        return
    with on_disk(path) as here:
        with here.open("rb") as raw:
            (_check_all if whole else _checked_footer)(path, raw)
        with (
            telling_damage(path),
            pq.ParquetFile(here, memory_map=True, page_checksum_verification=True) as file,
        ):
            yield file


@contextmanager
def on_disk(path: Place) -> Iterator[Path]:
    """Have a file on this machine's disk: what lies in an object store is fetched for so long.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if isinstance(path, Path):
        yield path
        return
    with ScratchFolder() as folder:
        here = Path(folder, path.name)
        path.fetch(here)
        yield here


@contextmanager
def _some_columns(path: ObjectPath, columns: Sequence[str]) -> Iterator[Any]:
    """Open a file in an object store of which only these columns are fetched."""
    from fsspec.parquet import open_parquet_file

    with path.fs.open(path.key) as raw:
        _checked_footer(path, raw)
        if not columns:
            with telling_damage(path), pq.ParquetFile(raw) as file:
                yield file
            return
    with (
        telling_damage(path),
        open_parquet_file(path.key, fs=path.fs, columns=list(columns), engine="pyarrow") as raw,
        pq.ParquetFile(raw, page_checksum_verification=True) as file,
    ):
        yield file


@contextmanager
def telling_damage(path: Place) -> Iterator[None]:
    """Say of which file it is that Arrow can't read what is asked for.

    What the system or an object store refuses, by a number or an error of its own kind, is no
    damage: nobody is to remove the file for that.

    Raises:
        DamageError: it can't.
        OSError: the system or the store refuses.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and (error.errno or type(error) is not OSError):
            raise
        raise damaged(path, str(error).splitlines()[0]) from error


def damaged(path: Place, found: str) -> DamageError:
    """Make the error of a damaged file."""
    return DamageError(
        f"{path} is damaged ({found}): expected it as it was written; remove it and run "
        "`dvc repro`, which makes it again",
        path,
    )


def _checked_footer(path: Place, file: BinaryIO) -> tuple[int, int]:
    """Return where the footer starts, and the checksum of what lies before."""
    start, footer = _footer(path, file)
    match = _one_seal(path, footer)
    if zlib.crc32(_with(footer, match.start(2), _NONE)) != int(match[2], 16):
        raise damaged(path, "its footer has changed since it was written")
    return start, int(match[1], 16)


def _footer(path: Place, file: BinaryIO) -> tuple[int, bytes]:
    """Return where a file's footer starts, and its bytes."""
    size = file.seek(0, os.SEEK_END)
    end = size - _LENGTH - len(_END)
    tail = _read(file, end, size) if end > 0 else b""
    start = end - int.from_bytes(tail[:_LENGTH], "little")
    if not tail.endswith(_END) or start < len(_END):
        raise damaged(path, "it is cut off, or not a Parquet file")
    return start, _read(file, start, end)


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _one_seal(path: Place, footer: bytes) -> re.Match[bytes]:
    found = list(_SEAL.finditer(footer))
    if not found and _KEY.encode() not in footer and _is_readable(footer):
        raise OlderError(
            f"{path} was written by an earlier version, without a seal: expected one of this "
            "version; run `dvc repro`, which makes it again",
            path,
        )
    if len(found) != 1:
        raise damaged(path, "its footer has no seal")
    return found[0]


def _is_readable(footer: bytes) -> bool:
    """Tell whether Arrow makes sense of a footer."""
    length = len(footer).to_bytes(_LENGTH, "little")
    try:
        pq.read_metadata(pa.BufferReader(_END + footer + length + _END))
    except (OSError, pa.ArrowException):
        return False
    return True


def _with(footer: bytes, place: int, digits: bytes) -> bytes:
    return footer[:place] + digits + footer[place + len(digits) :]


def _body(file: BinaryIO, end: int) -> int:
    """Return the checksum of all before the footer.

    Read, not mapped: of a mapping that the disk can't read, the system ends the process unheard.
    """
    file.seek(0)
    checksum = 0
    while end > 0 and (block := file.read(min(end, _BLOCK))):
        checksum = zlib.crc32(block, checksum)
        end -= len(block)
    return checksum
