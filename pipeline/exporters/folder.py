"""Format ``folder``: images as files by split and subject, and a CSV with all columns.

Layout: ``images/<split>/<subject>/<sample id>.<ext>`` (torchvision's ImageFolder: one class a
subject), ``columns/<column>/<split>/<subject>/<sample id>.<ext>`` for further images and bytes,
``metadata.csv`` with ``file_name`` first (as Hugging Face's imagefolder has it) and the rest by
column. A cell is empty for null, text where it is plain text, and else JSON (also for text that is
empty, begins with a quotation mark or has a carriage return).
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.exporters.cells import from_cell, to_cell
from pipeline.exporters.format import Format, Job, file_per_row, require
from pipeline.exporters.manifest import Manifest
from pipeline.exporters.names import extension_of, safe_component, safe_path
from pipeline.exporters.payloads import payload_columns, put_together, take_apart, text_schema
from pipeline.exporters.pieces import csv_lines, join_lines, splits_of
from pipeline.exporters.selection import Unit
from pipeline.exporters.storage import PIECES, FileEntry, Sink
from pipeline.types import Row

NOBODY = "unknown"
"""Folder of images without a subject."""

_LONGEST_CELL = 1 << 30


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write the images of one unit, and its lines of the CSV."""
    columns, held = job.schema.names, payload_columns(job.schema)
    others = [name for name in held if name != job.request.image]
    lines = []
    for _, row in unit.rows(list(dict.fromkeys([*columns, "subject_id"]))):
        subject = safe_component(row["subject_id"] or NOBODY)
        place = f"{safe_component(unit.split)}/{subject}/{safe_path(row['sample_id'])}"
        meta, payloads = take_apart({name: row[name] for name in columns}, held)
        files = {}
        for payload in payloads:
            main = payload.column == job.request.image
            top = "images" if main else f"columns/{payload.column}"
            files[payload.column] = f"{top}/{place}.{payload.extension}"
            sink.put(files[payload.column], payload.data)
        lines.append(
            [
                files[job.request.image],
                *(to_cell(files.get(name)) for name in others),
                *(to_cell(meta[name]) for name in columns),
            ]
        )
    sink.put(f"{PIECES}/{unit.name}.csv", csv_lines(lines).encode())


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Join the units' lines."""
    others = [name for name in payload_columns(job.schema) if name != job.request.image]
    header = ["file_name", *(f"{name}_file_name" for name in others), *job.schema.names]
    join_lines(job, sink, "csv", "metadata.csv", header=csv_lines([header]))


def read(folder: Path, manifest: Manifest) -> Iterator[Row]:
    """Read the rows back."""
    schema, texts = manifest.schema, text_schema(manifest.schema)
    csv.field_size_limit(_LONGEST_CELL)
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as lines:
        for cells in csv.DictReader(lines):
            meta = {field.name: from_cell(cells[field.name], field.type) for field in texts}
            payloads = {
                name: (folder / cells[_file_column(name, manifest.image)]).read_bytes()
                for name in payload_columns(schema)
                if meta[name] is not None
            }
            yield put_together(meta, payloads, schema)


def _file_column(column: str, image: str) -> str:
    return "file_name" if column == image else f"{column}_file_name"


def verify(job: Job, folder: Path) -> None:
    """Read each split with torchvision's ImageFolder: its classes, its images, their bytes."""
    from torchvision.datasets import ImageFolder

    image = job.request.image
    for split in splits_of(job):
        top = folder / "images" / safe_component(split)
        found = ImageFolder(str(top))
        classes = {Path(path): found.classes[label] for path, label in found.samples}
        for unit in job.units_of(split):
            for _, row in unit.rows(["sample_id", "subject_id", image]):
                subject, data = safe_component(row["subject_id"] or NOBODY), row[image]["bytes"]
                name = f"{safe_path(row['sample_id'])}.{extension_of(data, row[image]['path'])}"
                path = top / subject / name
                require(classes.pop(path, None) == subject, f"ImageFolder does not find {path}")
                require(path.read_bytes() == data, f"{path} is another image")
        require(not classes, f"{len(classes)} images of {split} are of no row")


FORMAT = Format(
    holds="every column, exactly",
    library="torchvision",
    write=write,
    finish=finish,
    verify=verify,
    files=file_per_row,
    read=read,
)
