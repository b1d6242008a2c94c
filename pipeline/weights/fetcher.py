"""From ``weights.yaml`` to verified files in ``weights/``."""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import WeightsError
from pipeline.weights.archive import copy_bounded
from pipeline.weights.cache import cached, keep, place
from pipeline.weights.registry import WeightFile
from pipeline.weights.verify import lookup, mismatch

if TYPE_CHECKING:
    from pipeline.weights.sources import Downloads

_log = logging.getLogger(__name__)

LOCAL_FOLDER = "CROSSBAND_WEIGHTS"
RECORD = "sources.json"


@dataclass(frozen=True)
class Fetched:
    """A verified file.

    Attributes:
        name: the entry's name in ``weights.yaml``.
        path: where it lies now.
        source: where it came from, in words.
    """

    name: str
    path: Path
    source: str


def fetch(
    names: Iterable[str],
    registry: Mapping[str, WeightFile],
    folder: Path,
    *,
    commercial_only: bool = False,
) -> list[Fetched]:
    """Bring weight files into a folder, each compared with its sha256 before it gets its name.

    What lies there already and is right stays. For the others, every place is tried in turn: the
    user's cache, the folder ``$CROSSBAND_WEIGHTS``, then the entry's own sources from the top. The
    first two come first because they cost a look at a disk and not a time-out; the order cannot
    change the result, for the sha256 decides what is accepted.

    Args:
        names: entries of ``weights.yaml``; repeated names count once.
        registry: what ``load_registry`` returned.
        folder: where the files go (``weights/``); made if need be.
        commercial_only: refuse files whose licence or training data forbid commercial use.

    Returns:
        One per name, in the order asked for.

    Raises:
        WeightsError: an unknown name; a file that ``commercial_only`` forbids, before any download;
            or files that no source has: one error with every file, its sha256, why each source
            failed and where to put it. Files that were found are kept.
    """
    # unearth and its HTTP client cost 0.4 s to import: only those who fetch pay it.
    from pipeline.weights.sources import Downloads

    wanted = {name: lookup(name, registry) for name in names}
    if commercial_only:
        _refuse_non_commercial(wanted)
    record = read_record(folder)
    fetched: list[Fetched] = []
    failures: list[str] = []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="crossband-weights-") as scratch,
            Downloads(Path(scratch)) as downloads,
        ):
            for name, entry in wanted.items():
                source: str | None = record.get(name, "already there")
                if not _in_place(entry, folder):
                    tried: list[str] = []
                    source = _bring(entry, folder, Path(scratch), downloads, tried)
                    _log.info("%s: from %s", name, source or "nowhere")
                    failures += [] if source else [_failure(name, entry, tried)]
                if source:
                    record[name] = source
                    fetched.append(Fetched(name, folder / entry.file, source))
            if fetched:
                _write_record(folder, {name: record[name] for name in registry if name in record})
    except OSError as error:
        raise WeightsError(f"weight files cannot be written: {error}") from error
    if failures:
        raise WeightsError(_cannot_be_had(failures))
    return fetched


def read_record(folder: Path) -> dict[str, str]:
    """Return from where each file in the folder came, by name; empty when nobody wrote it down.

    It informs people and decides nothing, so an unreadable record counts as none.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in record.items()} if isinstance(record, dict) else {}


def _write_record(folder: Path, record: Mapping[str, str]) -> None:
    text = json.dumps(record, indent=2, sort_keys=True) + "\n"
    with tempfile.TemporaryDirectory(prefix="crossband-weights-") as scratch:
        draft = Path(scratch) / RECORD
        draft.write_text(text, encoding="utf-8")
        place(draft, folder / RECORD)


def _refuse_non_commercial(wanted: Mapping[str, WeightFile]) -> None:
    forbidden = [
        f"{name} ({entry.licence})" for name, entry in wanted.items() if not entry.commercial
    ]
    if forbidden:
        raise WeightsError(
            "commercial_only forbids these weight files: "
            + "; ".join(forbidden)
            + ". Choose other backends in params.yaml, or set commercial_only to false"
        )


def _in_place(entry: WeightFile, folder: Path) -> bool:
    path = folder / entry.file
    try:
        wrong = mismatch(path, entry)
    except OSError:
        return False
    if wrong:
        _log.warning("%s is replaced: %s", path, wrong)
    return wrong is None


def _bring(
    entry: WeightFile, folder: Path, scratch: Path, downloads: "Downloads", tried: list[str]
) -> str | None:
    """Place a file from the first source that has it, and return that source in words.

    Returns None when none has it; ``tried`` then says why, one line per source.
    """
    from_cache = cached(entry)
    if from_cache is not None:
        place(from_cache, folder / entry.file)
        return "user cache"
    candidate = scratch / "candidate" / entry.file
    candidate.parent.mkdir(exist_ok=True)
    for label, description, obtain in _places(entry, candidate, downloads):
        try:
            obtain()
            wrong = mismatch(candidate, entry)
        except WeightsError as error:
            wrong = str(error)
        if wrong is None:
            keep(entry, candidate)
            place(candidate, folder / entry.file)
            return label
        tried.append(f"{description}: {wrong}")
    return None


def _places(
    entry: WeightFile, candidate: Path, downloads: "Downloads"
) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """Yield label, description and action of every place that may have the file, in order."""
    local = os.environ.get(LOCAL_FOLDER)
    if local:
        origin = Path(local) / entry.file
        yield LOCAL_FOLDER, LOCAL_FOLDER, partial(copy_bounded, origin, candidate, entry.bytes)
    for source in entry.sources:
        yield source.label, source.describe(), partial(downloads.obtain, source, entry, candidate)


def _failure(name: str, entry: WeightFile, tried: Iterable[str]) -> str:
    head = f"  {name}: {entry.file}, {entry.bytes:,} bytes, sha256 {entry.sha256}"
    return "\n".join([head, *(f"    - {each}" for each in tried)])


def _cannot_be_had(failures: list[str]) -> str:
    many = f"{len(failures)} weight files" if len(failures) > 1 else "1 weight file"
    listed = "\n".join(failures)
    now = os.environ.get(LOCAL_FOLDER) or "not set"
    return (
        f"no source gives {many}:\n{listed}\n"
        f"Put the files, under exactly these names, into a folder, set the environment variable "
        f"{LOCAL_FOLDER} to that folder (now: {now}), and run `dvc repro weights` again."
    )
