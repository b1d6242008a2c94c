"""Text files of a whole export, gathered from what each unit wrote of its own rows.

A unit leaves its lines in ``_parts/``, which does not stay; the end joins them in order.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from pipeline.exporters.format import Job
from pipeline.exporters.selection import ALL, Unit
from pipeline.exporters.storage import PIECES, Sink
from pipeline.types import Split


def leave_lines(sink: Sink, unit: Unit, name: str, lines: Iterable[str]) -> None:
    """Leave a unit's lines, each without its end."""
    sink.put(f"{PIECES}/{unit.name}.{name}", "".join(f"{line}\n" for line in lines).encode())


def gathered(job: Job, sink: Sink, name: str, split: str | None = None) -> Iterable[str]:
    """Yield the lines that the units left, with their ends; ``split`` limits whose."""
    for unit in job.units:
        if split in (None, unit.split):
            data = sink.store.read(f"{PIECES}/{unit.name}.{name}") or b""
            yield from (line.decode() for line in io.BytesIO(data))


def join_lines(job: Job, sink: Sink, name: str, path: str, *, header: str = "") -> None:
    """Join the units' lines into one file behind an optional header line."""
    with sink.file(path) as out:
        if header:
            out.write(header.encode())
        for line in gathered(job, sink, name):
            out.write(line.encode())


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV text, lines ended by a line feed.

    A row with a carriage return is quoted: readers would begin a line there.
    """
    out = io.StringIO()
    plain = csv.writer(out, lineterminator="\n")
    quoted = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        (quoted if any("\r" in str(cell) for cell in row) else plain).writerow(row)
    return out.getvalue()


def subjects_csv(sink: Sink, subjects: Sequence[str]) -> None:
    """Write which label stands for which subject."""
    rows = [("label", "subject_id"), *enumerate(subjects)]
    sink.put("subjects.csv", csv_lines(rows).encode())


def labels_csv(sink: Sink, labels: Mapping[str, Mapping[str, int]]) -> None:
    """Write which label stands for which subject in each split."""
    rows = [(split, label, who) for split, known in labels.items() for who, label in known.items()]
    sink.put("subjects.csv", csv_lines([("split", "label", "subject_id"), *rows]).encode())


def splits_of(job: Job) -> list[str]:
    """Return the splits of the export's units, each once, sorted."""
    return sorted({unit.split for unit in job.units})


def loaded_split(split: str) -> str:
    """Return the split that loaders give rows of a unit's split: ``datasets`` takes no ``all``."""
    return str(Split.TRAIN) if split == ALL else split


def loaded_splits(job: Job) -> dict[str, list[str]]:
    """Return the units' splits of each split that a loader gives."""
    loaded: dict[str, list[str]] = {}
    for split in splits_of(job):
        loaded.setdefault(loaded_split(split), []).append(split)
    return loaded
