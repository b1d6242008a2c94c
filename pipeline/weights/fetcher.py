"""From ``weights.yaml`` to verified files in ``weights/``, and whence they came."""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.partial import partial_beside
from pipeline.scratch import ScratchFolder
from pipeline.weights.registry import LOCAL_FOLDER, WeightFile
from pipeline.weights.verify import lookup

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
    # unearth costs half a second to import: only those who fetch pay it.
    from pipeline.weights.sources import Sources

    wanted = {name: lookup(name, registry) for name in names}
    forbidden = [f"{name} ({each.licence})" for name, each in wanted.items() if not each.commercial]
    if commercial_only and forbidden:
        raise WeightsError(
            f"commercial_only forbids these weight files: {'; '.join(forbidden)}. Choose other "
            "backends in params.yaml, or set commercial_only to false"
        )
    record = read_record(folder)
    fetched: list[Fetched] = []
    failures: list[str] = []
    try:
        scratch = ScratchFolder()
        with scratch, closing(Sources(Path(scratch.name))) as sources:
            for name, entry in wanted.items():
                try:
                    came_from = sources.place(entry, folder / entry.file)
                except WeightsError as error:
                    failures.append(f"  {name}: {error}")
                else:
                    record[name] = came_from or record.get(name, "already there")
                    fetched.append(Fetched(name, folder / entry.file, record[name]))
    except OSError as error:
        raise WeightsError(f"weight files cannot be written: {error}") from error
    _write_record(folder, {name: record[name] for name in registry if name in record})
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
    if record == read_record(folder):
        return
    text = json.dumps(record, indent=2, sort_keys=True) + "\n"
    # A folder that somebody else filled may be read-only, and has all that is needed.
    with suppress(OSError), partial_beside(folder / RECORD) as partial:
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / RECORD)


def _cannot_be_had(failures: list[str]) -> str:
    many = f"{len(failures)} weight files" if len(failures) > 1 else "1 weight file"
    listed = "\n".join(failures)
    local = os.environ.get(LOCAL_FOLDER) or "not set"
    return (
        f"no source gives {many}:\n{listed}\nPut the files, under exactly these names, into a "
        f"folder, set the environment variable {LOCAL_FOLDER} to that folder (now: {local}), and "
        "run `dvc repro weights` again."
    )
