"""Format ``parquet``: a data set that Hugging Face ``datasets`` loads, images as ``Image``.

Layout: ``data/<split>-NNNNN-of-NNNNN.parquet`` and ``README.md``, the dataset card, by which rows
without a split (``data/all-…``) are of ``train``. Columns and their metadata are the shards' own;
the schema's metadata also carries the features. Rows are copied as Arrow tables: no image is
opened.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ExportError
from pipeline.exporters.card import dataset_card
from pipeline.exporters.format import Format, Job, Request, require
from pipeline.exporters.manifest import Manifest
from pipeline.exporters.payloads import is_image
from pipeline.exporters.pieces import loaded_splits
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import FileEntry, Sink
from pipeline.store.rows import rows_from_table
from pipeline.store.shards import compression_of
from pipeline.types import Row


def prepare(request: Request, selection: Selection) -> dict[str, Any]:
    """Return the features of the columns as Hugging Face writes them into Parquet's metadata."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import datasets

    features = datasets.Features.from_arrow_schema(selection.schema.remove_metadata())
    for field in selection.schema:
        if is_image(field.type):
            features[field.name] = datasets.Image()
    described: dict[str, Any] = features.to_dict()
    return described


def _schema(job: Job) -> pa.Schema:
    """Return the schema of the files.

    All columns may be null here: ``datasets`` overlooks the features of those that may not.
    """
    features = {name: job.plan[name] for name in job.schema.names}
    text = json.dumps({"info": {"features": features}}, sort_keys=True)
    metadata = {**(job.schema.metadata or {}), b"huggingface": text.encode()}
    return pa.schema([field.with_nullable(True) for field in job.schema], metadata)


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write one Parquet file, a row group for each of the source."""
    schema = _schema(job)
    with (
        sink.file(f"data/{unit.name}.parquet") as out,
        pq.ParquetWriter(
            pa.PythonFile(out, "w"),
            schema,
            compression=compression_of(schema),
            use_dictionary=False,
        ) as writer,
    ):
        for _, table in unit.tables(schema.names):
            writer.write_table(table.cast(schema))


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Write the dataset card."""
    sink.put("README.md", dataset_card(job).encode())


def read(folder: Path, manifest: Manifest) -> Iterator[Row]:
    """Read the rows back."""
    for entry in manifest.files:
        if entry.path.endswith(".parquet"):
            with pq.ParquetFile(folder / entry.path) as file:
                for group in range(file.num_row_groups):
                    yield from rows_from_table(file.read_row_group(group))


def verify(job: Job, folder: Path) -> None:
    """Load the folder with ``datasets``, as its card says, and compare with the source."""
    import datasets

    image = job.request.image
    try:
        loaded = datasets.load_dataset(str(folder), streaming=True)
    except (ValueError, OSError) as error:
        hint = (
            "; it cannot open paths with brackets: name another --to" if "[" in str(folder) else ""
        )
        raise ExportError(f"datasets does not load the export: {error}{hint}") from error
    for name, splits in loaded_splits(job).items():
        features = loaded[name].features
        require(isinstance(features[image], datasets.Image), f"{image} is not an Image feature")
        plain = loaded[name].select_columns(["sample_id", image])
        found = iter(plain.cast_column(image, datasets.Image(decode=False)))
        for unit in (unit for split in splits for unit in job.units_of(split)):
            for _, row in unit.rows(["sample_id", image]):
                sample: dict[str, Any] = next(found, {"sample_id": None})
                require(sample["sample_id"] == row["sample_id"], f"{row['sample_id']} is missing")
                same = sample[image]["bytes"] == row[image]["bytes"]
                require(same, f"{row['sample_id']} has another image")
        require(next(found, None) is None, f"split {name} holds more than its rows")


FORMAT = Format(
    library="datasets",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    read=read,
)
