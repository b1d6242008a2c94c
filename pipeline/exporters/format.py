"""What a format is: how its files are written, checked with its own library, and read back."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from pipeline.errors import ExportError
from pipeline.exporters.manifest import Manifest
from pipeline.exporters.names import Names
from pipeline.exporters.selection import ALL, GIVE_SPLITS, Selection, Unit
from pipeline.exporters.storage import FileEntry, Sink
from pipeline.store.files import Place
from pipeline.types import Row, Split


@dataclass(frozen=True)
class Request:
    """What somebody asks to be exported.

    Attributes:
        source: folder of a stage's output, on a disk or in an object store.
        format: a name in ``EXPORTERS``.
        to: fsspec URL of the folder to make.
        where: SQL condition that rows have to fulfil; see ``selection``.
        splits: splits to take, all without any.
        columns: columns to take, all without any; what licence and origin say always goes along.
        image: the column that is a format's one image.
        pairs: number of pairs of ``lfw_bin``, half of them genuine.
        seed: of these pairs, and of the order of ``dali``.
        mix: of ``lfw_bin``, what its rows may differ in: ``band``, ``split``.
    """

    source: Place
    format: str
    to: str
    where: str | None = None
    splits: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    image: str = "image"
    pairs: int = 6000
    seed: int = 0
    mix: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What the manifest says of the chosen rows.

    Attributes:
        rows: their number.
        shares: number of rows by split, band, region and generator.
        licences: number of rows by licence; ``unknown`` where a row names none.
        simulated: number and share of rows whose image a program made.
        nobody: number of rows without a subject.
    """

    rows: int
    shares: Mapping[str, Mapping[str, int]]
    licences: Mapping[str, int]
    simulated: Mapping[str, float]
    nobody: int


@dataclass(frozen=True)
class Job:
    """An export under way; can be sent to another process.

    Attributes:
        request: what is exported.
        schema: columns that the export takes.
        facts: about its rows.
        units: its pieces.
        plan: what the format's ``prepare`` found out about the whole.
        names: of the rows' files, where the format names files by rows.
        code: digest of the code that writes this format.
    """

    request: Request
    schema: pa.Schema
    facts: Facts
    units: tuple[Unit, ...]
    plan: Any
    names: Names
    code: str

    def units_of(self, split: str) -> list[Unit]:
        """Return the units of a split."""
        return [unit for unit in self.units if unit.split == split]


def prepare_nothing(request: Request, selection: Selection) -> None:
    """Find nothing out: the format needs no more than its rows."""


def file_per_unit(job: Job) -> int:
    """Count a file for each unit, one beside them, and the manifest."""
    return len(job.units) + 2


def file_per_row(job: Job) -> int:
    """Count an image for each row, one file beside them, and the manifest."""
    return job.facts.rows + 2


def all_rows(job: Job) -> dict[str, int]:
    """Count every row: a loader takes them all."""
    return {"rows": job.facts.rows}


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        library: the import name of what reads it, which checks the export.
        write: writes the files of one unit.
        finish: writes the files that belong to all units, told what these wrote.
        verify: reads the export in a local folder back with the library and compares.
        prepare: finds out what is needed of the whole, and refuses what the format can't hold.
        named: whether files are named by rows: not at all, by ``subject`` or by ``sample``.
        split_units: each split of each shard is a unit; else everything is one.
        files: tells how many files the export has, about, before it is written.
        read: reads the rows of an export in a local folder, where it holds them exactly.
        used: counts what a loader of the format takes, by what for.
    """

    library: str
    write: Callable[[Job, Unit, Sink], None]
    finish: Callable[[Job, Sink, Sequence[FileEntry]], None]
    verify: Callable[[Job, Path], None]
    prepare: Callable[[Request, Selection], Any] = prepare_nothing
    named: Literal["", "subject", "sample"] = ""
    split_units: bool = True
    files: Callable[[Job], int] = file_per_unit
    read: Callable[[Path, Manifest], Iterator[Row]] | None = None
    used: Callable[[Job], Mapping[str, int]] = all_rows


def finish_nothing(job: Job, sink: Sink, written: Sequence[FileEntry]) -> None:
    """Write nothing more."""


def require(condition: object, message: str) -> None:
    """Raise where an export does not read back as it was written.

    Raises:
        ExportError: with the message.
    """
    if not condition:
        raise ExportError(f"the export does not read back: {message}; it was not put into place")


def labels_by_split(selection: Selection, unknown: str = ALL) -> dict[str, dict[str, int]]:
    """Return the label of each subject, counted from 0 within each split.

    Args:
        selection: the rows.
        unknown: the split that rows without one count to.
    """
    split = "split" if "split" in selection.schema.names else "NULL"
    pairs = f"coalesce({split}, '{unknown}'), subject_id"
    labels: dict[str, dict[str, int]] = {}
    found = selection.ask(f"{pairs}", group=pairs)
    for name, subject in sorted(found, key=lambda pair: (pair[0], pair[1] or "")):
        known = labels.setdefault(name, {})
        if subject is not None:
            known[subject] = len(known)
    return labels


def refuse_splits(selection: Selection, name: str, taken: Collection[Split | None]) -> None:
    """Refuse rows of a split that a format of train and test has no place for.

    Args:
        selection: the rows.
        name: of the format.
        taken: splits that it has a place for; None for rows without one.

    Raises:
        ExportError: says how rows of train and test alone are chosen, or come to be.
    """
    found = {split for (split,) in selection.ask("split", group="split")}
    if found <= {*taken}:
        return
    some = found & {Split.TRAIN, Split.TEST}
    choice = "choose with --split train --split test" if some else GIVE_SPLITS
    others = ", ".join(sorted(split or "none" for split in found - {*taken}))
    raise ExportError(
        f"{name} has only train and test, but some rows have split {others}: {choice}"
    )


def require_subjects(selection: Selection) -> list[str]:
    """Return the subjects, and refuse rows without one.

    Raises:
        ExportError: says how many there are.
    """
    without = selection.ask("count(*) filter (subject_id is null)")[0][0]
    if without:
        raise ExportError(
            f"{without} rows have no subject, and the format names files by subject: "
            "leave them out with --where 'subject_id is not null'"
        )
    return selection.subjects()
