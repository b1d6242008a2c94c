"""Files of tensors that this project trains: they appear whole or not at all, and tell damage.

``torch.save`` writes a ZIP archive whose checksums ``torch.load`` doesn't compare. The archive's
comment, which ends the file, is therefore the sha256 of all before it; other programs pass over it.
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from pipeline.errors import DamageError, StageError
from pipeline.store.whole import written_whole

_DIGEST = hashlib.sha256().digest_size
_LENGTH = 2
_BLOCK = 1 << 20


def save_network(values: Mapping[str, Any], path: Path) -> None:
    """Write tensors and plain values, whole or not at all.

    Raises:
        StageError: they could not be written.
    """
    with written_whole(path) as partial:
        try:
            # Not by its path: torch would write the file's name, which is another one each time.
            with partial.open("wb") as file:
                torch.save(dict(values), file)
        except (OSError, RuntimeError) as error:  # of torch's writer, which may not tell why
            free = shutil.disk_usage(path.parent).free >> 20
            raise StageError(
                f"{path} can't be written; {free} MB are free there: expected room for all of it. "
                "What was there before is kept: make room, and run the stage again"
            ) from error
        with partial.open("r+b") as file:
            file.seek(-_LENGTH, 2)
            file.write(_DIGEST.to_bytes(_LENGTH, "little"))
            file.flush()
            file.write(_digest(partial, file.tell()))


def load_network(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """Read what ``save_network`` wrote, without running code from it.

    Args:
        path: of the file.
        mapped: whether tensors stay in the file, whose pages all processes share; they are private
            where somebody writes into them.

    Raises:
        DamageError: the file is another one, or damaged.
        FileNotFoundError: there is no such file.
    """
    size = path.stat().st_size - _DIGEST
    with path.open("rb") as file:
        file.seek(max(size, 0))
        end = file.read()
    if size < 0 or _digest(path, size) != end:
        raise _damaged(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise _damaged(path) from error
    if not isinstance(found, dict):
        raise _damaged(path)
    return found


def _digest(path: Path, size: int) -> bytes:
    """Return the sha256 of the first bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(size, _BLOCK))):
            digest.update(block)
            size -= len(block)
    return digest.digest()


def _damaged(path: Path) -> DamageError:
    return DamageError(
        f"{path} is damaged, or of another version: expected tensors as a training of this version "
        "wrote them; remove it and run `dvc repro`, which trains again",
        path,
    )
