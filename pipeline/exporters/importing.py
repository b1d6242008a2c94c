"""Importing an export: its rows as shards again, the same as those that were exported.

Rows, columns and their metadata are equal, and each row lies in its old shard. The files' bytes may
differ: what Arrow calls the ``item`` of a list, Parquet gives back as its ``element``.
"""

import csv
import os
import struct
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.errors import ExportError, one_line
from pipeline.exporters import EXPORTERS, format_of
from pipeline.exporters.manifest import Manifest
from pipeline.exporters.running import local_copy
from pipeline.exporters.storage import MANIFEST, Store, explained, room
from pipeline.scratch import ScratchFolder
from pipeline.store import REJECTED, ShardFolder, shard_of
from pipeline.store.columns import field
from pipeline.store.content import content_sha256
from pipeline.store.files import path_of
from pipeline.store.rows import rows_from_table, table_from_rows
from pipeline.store.shards import ShardWriter
from pipeline.types import Row

_STRANGE = (
    *(LookupError, ValueError, TypeError, EOFError, AttributeError, ArithmeticError),
    *(csv.Error, struct.error, tarfile.TarError, pa.ArrowException),
)
"""What reading makes of files that another wrote."""
_BATCH_ROWS = 32
_WAITING_BYTES = 64 << 20
"""Of rows in memory, over all files that they wait for."""
_OPEN_FILES = 256
"""As few as any shell allows."""


def read_manifest(url: str) -> Manifest:
    """Read the manifest of an export.

    Raises:
        ExportError: there is none: no export, or an unfinished one.
    """
    with explained(url):
        text = Store(url).read(MANIFEST)
    if text is None:
        if (local := Store(url).local) is not None and not local.is_dir():
            raise ExportError(f"there is no folder {url}: expected an export, with its {MANIFEST}")
        raise ExportError(
            f"{url} has no {MANIFEST}: it is not an export of crossband, or was interrupted"
        )
    return Manifest.from_json(text, url)


def import_export(url: str, target: Path, shards: int | None = None) -> ShardFolder:
    """Turn an export into a folder of shards, which stages and readers take like a stage's output.

    Every file is checked against its sha256 first. The folder appears whole or not at all.

    Args:
        url: of the export.
        target: folder to make.
        shards: number of shards; by default as many as the export's source had.

    Raises:
        ExportError: there is no finished export, a file of it was changed, its format does not hold
            rows exactly, the target exists, or its disk is full.
    """
    manifest = read_manifest(url)
    form = format_of(manifest.format) if manifest.format in EXPORTERS else None
    if form is None or form.read is None:
        exact = ", ".join(name for name in EXPORTERS if format_of(name).read)
        raise ExportError(
            f"{url} has format {manifest.format!r}, which does not hold whole rows: {exact} do; "
            "read its images with a reader instead (see docs/exports.md)"
        )
    if os.path.lexists(target):
        raise ExportError(f"{target} exists; name a new folder")
    schema = _stored_schema(manifest.schema)
    target.parent.mkdir(parents=True, exist_ok=True)
    with ScratchFolder(f".{target.name}.", target.parent) as made:
        partial = Path(made) / target.name
        folder = ShardFolder(partial, shards or int(manifest.source["shards"]))
        with (
            explained(url),
            local_copy(Store(url), manifest.files) as local,
            room(str(target)),
        ):
            count = _write(_read(form.read, local, manifest), folder, schema)
        if count != manifest.rows:
            raise ExportError(f"{url}: expected {manifest.rows} rows, found {count}")
        partial.replace(target)
    return ShardFolder(target, folder.count)


def _read(
    read: Callable[[Path, Manifest], Iterator[Row]], local: Path, manifest: Manifest
) -> Iterator[Row]:
    """Yield an export's rows; its files may be of others, and are then anything at all."""
    schema = manifest.schema
    try:
        for row in read(local, manifest):
            yield _whole(row, schema)
    except ExportError:
        raise
    except _STRANGE as error:
        raise ExportError(
            f"its files are not of its manifest's format, {manifest.format}: {one_line(error)}"
        ) from error


def _stored_schema(schema: pa.Schema) -> pa.Schema:
    """Add what every shard has, where the export left it out.

    Raises:
        ExportError: it is no schema of rows.
    """
    names = schema.names
    if "sample_id" not in names or len(set(names)) < len(names):
        raise ExportError(
            f"manifest.json: expected sample_id among the columns, and none twice, found {names}"
        )
    missing = [
        field(name, pa.string(), null=False)
        for name in ("content_sha256", "fingerprint")
        if name not in schema.names
    ]
    return pa.schema([*schema, *missing], metadata=schema.metadata)


def _whole(row: Row, schema: pa.Schema) -> Row:
    """Compare a row with its digest; where the export took only some columns, add digests.

    Raises:
        ValueError: it is another one, or has no id.
        TypeError: it has values of other types than the schema.
    """
    if not isinstance(row.get("sample_id"), str):
        raise ValueError("a row has no sample_id")
    content = content_sha256(row, schema)
    if "content_sha256" not in schema.names:
        return row | {"content_sha256": content, "fingerprint": content}
    if row.get("content_sha256") != content:
        raise ValueError(f"row {row['sample_id']!r} does not match its content_sha256")
    return row


def _write(rows: Iterable[Row], folder: ShardFolder, schema: pa.Schema) -> int:
    """Place the rows in their shards, then sort each: memory holds few rows and a shard's ids.

    Of several thousand shards no more than ``_OPEN_FILES`` are open at once: rows are placed in
    heaps of shards first, and each heap's in its shards.
    """
    heaps = min(folder.count, _OPEN_FILES)
    with tempfile.TemporaryDirectory(dir=_made(path_of(folder.path))) as context:
        scratch = Path(context)
        files = {heap: scratch / f"heap-{heap}.arrow" for heap in range(heaps)}
        count = _scatter(
            rows, files, lambda sample_id: shard_of(sample_id, folder.count) % heaps, schema
        )
        for heap, file in files.items():
            mine = {heap: file}  # a heap of one shard is that shard
            if folder.count > heaps:
                indices = range(heap, folder.count, heaps)
                mine = {index: scratch / f"shard-{index}.arrow" for index in indices}
                _scatter(_rows_of(file), mine, lambda each: shard_of(each, folder.count), schema)
                file.unlink()
            for index, placed in mine.items():
                with ShardWriter(folder.shard(index).path, schema) as out:
                    out.write(_sorted(placed))
                with ShardWriter(folder.rejected.shard(index).path, REJECTED):
                    pass
                placed.unlink()
    return count


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _scatter(
    rows: Iterable[Row],
    files: Mapping[int, Path],
    place_of: Callable[[str], int],
    schema: pa.Schema,
) -> int:
    """Write rows into files, each by the place of its id; return how many there were."""
    waiting: dict[int, list[Row]] = {place: [] for place in files}
    number = waiting_bytes = 0
    with ExitStack() as opened:
        writers = {
            place: opened.enter_context(pa.ipc.new_file(str(file), schema))
            for place, file in files.items()
        }

        def flush(places: Iterable[int]) -> None:
            for place in places:
                if waiting[place]:
                    writers[place].write_table(table_from_rows(waiting[place], schema))
                    waiting[place].clear()

        for row in rows:
            number += 1
            place = place_of(row["sample_id"])
            waiting[place].append(row)
            waiting_bytes += _bytes(row)
            if waiting_bytes >= _WAITING_BYTES:
                flush(files)
                waiting_bytes = 0
            elif len(waiting[place]) == _BATCH_ROWS:
                waiting_bytes -= sum(map(_bytes, waiting[place]))
                flush([place])
        flush(files)
    return number


def _bytes(value: object) -> int:
    """Return about how many bytes of memory a row's values take."""
    match value:
        case dict():
            return sum(map(_bytes, value.values()))
        case list():
            return sum(map(_bytes, value))
        case np.ndarray():
            return value.nbytes
        case bytes() | str():
            return len(value)
        case _:
            return 8


def _rows_of(file: Path) -> Iterator[Row]:
    with pa.memory_map(str(file)) as mapped, pa.ipc.open_file(mapped) as opened:
        for batch in range(opened.num_record_batches):
            yield from rows_from_table(pa.Table.from_batches([opened.get_batch(batch)]))


def _sorted(file: Path) -> Iterator[Row]:
    """Yield a file's rows by id; each is looked up in it, as it may be larger than memory."""
    with pa.memory_map(str(file)) as mapped, pa.ipc.open_file(mapped) as opened:
        places = sorted(
            (sample_id, batch, offset)
            for batch in range(opened.num_record_batches)
            for offset, sample_id in enumerate(opened.get_batch(batch)["sample_id"].to_pylist())
        )
        for _, batch, offset in places:
            row = opened.get_batch(batch).slice(offset, 1)
            yield from rows_from_table(pa.Table.from_batches([row]))
