r"""Format ``lmdb``: one LMDB database, ``data.mdb``, for random access by sample id.

Keys: ``<sample_id>\0<column>`` for the bytes of each image or column of bytes,
``<sample_id>\0`` for all other columns as JSON. Open the export's folder with ``lmdb.open(folder,
readonly=True, lock=False)``; a cursor gives the rows sorted by id.

Reference: https://lmdb.readthedocs.io.
"""

from collections.abc import Iterator
from pathlib import Path

import lmdb

from pipeline.errors import ExportError, one_line
from pipeline.exporters.cells import from_json, to_json
from pipeline.exporters.format import Format, Job, Request, finish_nothing, require
from pipeline.exporters.manifest import Manifest
from pipeline.exporters.payloads import payload_columns, put_together, take_apart, text_schema
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import Sink
from pipeline.scratch import ScratchFolder
from pipeline.types import Row

LONGEST_KEY = 511
_MAP_BYTES = 1 << 40
"""Address space kept for the database; the file takes only what it holds."""
_COMMIT_ROWS = 1000


def prepare(request: Request, selection: Selection) -> None:
    """Refuse ids that no key can hold.

    Raises:
        ExportError: names the longest.
    """
    room = LONGEST_KEY - 1 - max(map(len, payload_columns(selection.schema)))
    longest, length = selection.ask(
        "arg_max(sample_id, length(sample_id)), max(length(sample_id))"
    )[0]
    if length > room:
        raise ExportError(
            f"LMDB's keys hold {room} characters of an id, but {longest!r} has {length}: leave it "
            "out with --where, or take another format"
        )


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write the database beside the export's files, then move it there."""
    columns, held = job.schema.names, payload_columns(job.schema)
    with ScratchFolder(".lmdb-", sink.store.beside) as folder:
        with lmdb.open(folder, map_size=_MAP_BYTES, sync=False) as database:
            transaction = database.begin(write=True)
            for number, (_, row) in enumerate(unit.rows(columns), start=1):
                meta, payloads = take_apart(row, held)
                key = f"{row['sample_id']}\0".encode()
                transaction.put(key, to_json(meta))
                for payload in payloads:
                    transaction.put(key + payload.column.encode(), payload.data)
                if number % _COMMIT_ROWS == 0:
                    transaction.commit()
                    transaction = database.begin(write=True)
            transaction.commit()
            database.sync(True)
        sink.take("data.mdb", Path(folder) / "data.mdb")


def entries(folder: Path) -> Iterator[tuple[str, bytes, dict[str, bytes]]]:
    """Yield id, JSON and payloads of each row, sorted by id."""
    with (
        lmdb.open(str(folder), readonly=True, lock=False) as database,
        database.begin(buffers=False) as transaction,
    ):
        current, meta, payloads = "", b"", dict[str, bytes]()
        for key, value in transaction.cursor():
            sample_id, _, column = key.decode().partition("\0")
            if sample_id != current and current:
                yield current, meta, payloads
                payloads = {}
            current = sample_id
            if column:
                payloads[column] = value
            else:
                meta = value
        if current:
            yield current, meta, payloads


def read(folder: Path, manifest: Manifest) -> Iterator[Row]:
    """Read the rows back."""
    texts = text_schema(manifest.schema)
    try:
        for _, meta, payloads in entries(folder):
            yield put_together(from_json(meta, texts), payloads, manifest.schema)
    except lmdb.Error as error:
        raise ExportError(f"{folder} cannot be read as LMDB: {one_line(error)}") from error


def verify(job: Job, folder: Path) -> None:
    """Look every row up by its id, as a training would, and compare its image."""
    image = job.request.image
    with (
        lmdb.open(str(folder), readonly=True, lock=False) as database,
        database.begin() as transaction,
    ):
        for _, row in job.units[0].rows(["sample_id", image]):
            found = transaction.get(f"{row['sample_id']}\0{image}".encode())
            require(found == row[image]["bytes"], f"the image of {row['sample_id']}")
    require(sum(1 for _ in entries(folder)) == job.facts.rows, "number of rows")


FORMAT = Format(
    library="lmdb",
    prepare=prepare,
    write=write,
    finish=finish_nothing,
    verify=verify,
    read=read,
    split_units=False,
    files=lambda job: 2,
)
