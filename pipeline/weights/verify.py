"""sha256 before anything opens a file: a ``.pt`` is a pickle, and a pickle runs code."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.weights.registry import WeightFile


def sha256_of(path: Path) -> str:
    """Return the lower-case hex sha256 of a file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def mismatch(path: Path, entry: WeightFile) -> str | None:
    """Say in what a file differs from its entry, or None when it is the file its sha256 names.

    Raises:
        OSError: the file cannot be read, or is not there.
    """
    found_bytes = path.stat().st_size
    if found_bytes != entry.bytes:
        return f"{found_bytes:,} bytes instead of {entry.bytes:,}"
    found = sha256_of(path)
    return None if found == entry.sha256 else f"sha256 {found} instead of {entry.sha256}"


def lookup(name: str, registry: Mapping[str, WeightFile]) -> WeightFile:
    """Return the entry of a name.

    Raises:
        WeightsError: no such entry.
    """
    if name not in registry:
        raise WeightsError(
            f"no weight file is named {name!r} in weights.yaml, which has: {', '.join(registry)}"
        )
    return registry[name]


def verified_path(name: str, registry: Mapping[str, WeightFile], folder: Path) -> Path:
    """Return the path of a weight file that was just compared with its sha256.

    Stages call this right before they open the file.

    Args:
        name: the entry's name in ``weights.yaml``.
        registry: what ``load_registry`` returned.
        folder: where the files lie (``weights/``).

    Raises:
        WeightsError: unknown name; the file is missing, unreadable or another file than its sha256
            names. The message says what to do.
    """
    entry = lookup(name, registry)
    path = folder / entry.file
    remedy = "run `dvc repro weights`"
    try:
        wrong = mismatch(path, entry)
    except FileNotFoundError as error:
        raise WeightsError(f"{name}: {path} is missing: {remedy}") from error
    except OSError as error:
        raise WeightsError(
            f"{name}: {path} cannot be read ({error.strerror}): correct its permissions, or "
            f"remove it and {remedy}"
        ) from error
    if wrong:
        raise WeightsError(
            f"{name}: {path} is not the file that weights.yaml names: {wrong}. "
            f"It was not opened. Remove it and {remedy}"
        )
    return path


def verified_file(path: Path, sha256: str) -> Path:
    """Return the path of a file that is in no registry, after comparing it with its sha256.

    Args:
        path: the user's own file.
        sha256: lower-case hex digest that the user gives for it.

    Raises:
        WeightsError: the file is missing, unreadable, or another one.
    """
    try:
        found = sha256_of(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    if found != sha256:
        raise WeightsError(
            f"{path} is not the file that the params name: sha256 {found} instead of {sha256}. "
            "It was not opened. If the file is the right one, correct the sha256"
        )
    return path
