"""Format ``folder``: images as files by split and subject, and a CSV with all columns.

Layout: ``images/<split>/<subject>/<band>_<name>.<ext>`` (torchvision's ImageFolder: one class a
subject), ``columns/<column>/…`` likewise for further images and bytes, ``metadata.csv`` with
``file_name`` first and the rest by column, and ``images/<split>/metadata.parquet`` with the columns
that are text, numbers or truth values: where it lies and what it lists is how Hugging Face's
``imagefolder`` takes the images and no others, and it keeps ``0001`` a text. Rows without a split
lie in the folder ``train``: ``imagefolder`` looks into none that is not called as a split.

A cell of the CSV is empty for null, text where it is plain text, and else JSON (also for text that
is empty, begins with a quotation mark or has a carriage return). pandas takes ``0001`` for a number
unless it is told ``dtype=str``.
"""

import csv
from collections.abc import Container, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ExportError
from pipeline.exporters.cells import from_cell, to_cell
from pipeline.exporters.format import Format, Job, Request, require
from pipeline.exporters.manifest import Manifest
from pipeline.exporters.names import NAMED_BY, extension_of, safe_component
from pipeline.exporters.payloads import payload_columns, put_together, take_apart, text_schema
from pipeline.exporters.pieces import (
    csv_lines,
    gathered,
    join_lines,
    leave_lines,
    loaded_split,
    loaded_splits,
)
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import MANIFEST, PIECES, FileEntry, Sink
from pipeline.types import Row

_LONGEST_CELL = 1 << 30
_METADATA = "metadata.csv"
_ROWS = 4096


def prepare(request: Request, selection: Selection) -> int:
    """Count the files of images and bytes: a row may have several, or lack some."""
    held = [
        name
        for name in payload_columns(selection.schema)
        if not request.columns or name in (*request.columns, request.image)
    ]
    return sum(selection.ask(", ".join(f"count({name})" for name in held))[0])


def files(job: Job) -> int:
    """Count the files of rows, a table a split, one of all, and the manifest."""
    of_rows: int = job.plan
    return of_rows + len(loaded_splits(job)) + 2


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write the images of one unit, and its lines of the CSV."""
    columns, held = job.schema.names, payload_columns(job.schema)
    others = [name for name in held if name != job.request.image]
    described_schema = _described_schema(job)
    lines, described = [], []
    for _, row in unit.rows(list(dict.fromkeys([*columns, *NAMED_BY]))):
        place = job.names.stem(row, loaded_split(unit.split))
        meta, payloads = take_apart({name: row[name] for name in columns}, held)
        files = {}
        for payload in payloads:
            main = payload.column == job.request.image
            top = "images" if main else f"columns/{payload.column}"
            files[payload.column] = f"{top}/{place}.{payload.extension}"
            sink.put(files[payload.column], payload.data)
        described.append(_described(meta, files[job.request.image], described_schema))
        lines.append(
            [
                files[job.request.image],
                *(to_cell(files.get(name)) for name in others),
                *(to_cell(meta[name]) for name in columns),
            ]
        )
    sink.put(f"{PIECES}/{unit.name}.csv", csv_lines(lines).encode())
    leave_lines(sink, unit, "jsonl", described)


def _described_schema(job: Job) -> pa.Schema:
    """Return the columns of ``metadata.parquet``, all of which may be null."""
    plain = (pa.types.is_string, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating)
    known = [field for field in job.schema if any(test(field.type) for test in plain)]
    names = [pa.field(field.name, field.type) for field in known]
    return pa.schema([pa.field("file_name", pa.string()), *names])


def _described(meta: Row, path: str, schema: pa.Schema) -> str:
    """Return a line of a split's ``metadata.parquet``; file names are relative to its folder."""
    values = {"file_name": path.split("/", 2)[2]} | meta
    return orjson.dumps({name: values[name] for name in schema.names}).decode()


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Join the units' lines."""
    others = [name for name in payload_columns(job.schema) if name != job.request.image]
    header = ["file_name", *(f"{name}_file_name" for name in others), *job.schema.names]
    join_lines(job, sink, "csv", _METADATA, header=csv_lines([header]))
    for folder, splits in loaded_splits(job).items():
        path, schema = f"images/{safe_component(folder)}/metadata.parquet", _described_schema(job)
        lines = chain.from_iterable(gathered(job, sink, "jsonl", split) for split in splits)
        with (
            sink.file(path) as out,
            pq.ParquetWriter(pa.PythonFile(out, "w"), schema) as writer,
        ):
            while rows := [orjson.loads(line) for line in islice(lines, _ROWS)]:
                writer.write_table(pa.Table.from_pylist(rows, schema))


def read(folder: Path, manifest: Manifest) -> Iterator[Row]:
    """Read the rows back; nothing is opened but what the manifest lists."""
    schema, texts = manifest.schema, text_schema(manifest.schema)
    listed = {entry.path for entry in manifest.files}
    csv.field_size_limit(_LONGEST_CELL)
    with _listed(folder, _METADATA, listed).open(newline="", encoding="utf-8") as lines:
        for cells in csv.DictReader(lines):
            meta = {field.name: from_cell(cells[field.name], field.type) for field in texts}
            payloads = {
                name: _listed(
                    folder, cells[_file_column(name, manifest.image)], listed
                ).read_bytes()
                for name in payload_columns(schema)
                if meta[name] is not None
            }
            yield put_together(meta, payloads, schema)


def _listed(folder: Path, path: str, listed: Container[str]) -> Path:
    """Return where a file of the export lies; another's metadata could name any file at all."""
    if path not in listed:
        raise ExportError(f"{path!r} is named in the rows, but not listed in {MANIFEST}")
    return folder / path


def _file_column(column: str, image: str) -> str:
    return "file_name" if column == image else f"{column}_file_name"


def verify(job: Job, folder: Path) -> None:
    """Read each split with torchvision's ImageFolder: its classes, its images, their bytes."""
    from torchvision.datasets import ImageFolder

    image = job.request.image
    for name, splits in loaded_splits(job).items():
        found = ImageFolder(str(folder / "images" / safe_component(name)))
        classes = {Path(path): found.classes[label] for path, label in found.samples}
        for unit in (unit for split in splits for unit in job.units_of(split)):
            for _, row in unit.rows([*NAMED_BY, image]):
                data = row[image]["bytes"]
                stem = job.names.stem(row, name)
                path = folder / "images" / f"{stem}.{extension_of(data, row[image]['path'])}"
                subject = path.parent.name
                require(classes.pop(path, None) == subject, f"ImageFolder does not find {path}")
                require(path.read_bytes() == data, f"{path} is another image")
        require(not classes, f"{len(classes)} images of {name} belong to no row")


FORMAT = Format(
    library="torchvision",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    named="subject",
    files=files,
    read=read,
)
