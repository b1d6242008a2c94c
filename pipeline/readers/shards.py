"""Reader ``shards``: images that another stage of crossband made.

Layout: ``<root>/<source>/shard-*-of-*.parquet`` with the columns of the schema ``IMAGES``, any
number of sources. The embedded sample data set lies so: one folder per ``sample`` stage.

The rows come in another order than they lie in, so each is read on its own: the images from where
their bytes lie, found when they are listed, and the few large columns from the row's own group. A
row then costs the same however many shards the rows go to.
"""

import hashlib
import mmap
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.listing import listed_row
from pipeline.schemas.sample import IMAGES
from pipeline.store import Listing, ShardFolder, is_shard_folder
from pipeline.store.checked import CheckedFiles
from pipeline.store.files import path_of
from pipeline.store.pages import spans_of
from pipeline.store.rows import rows_from_table
from pipeline.store.seal import damaged, opened, telling_damage
from pipeline.types import Row

_LEFT_OUT = {"image", "sha256", "width_px", "height_px", "fingerprint"}
_LARGE = (
    *("truth_mesh_xyz", "truth_position_map", "truth_visibility"),
    *("truth_identity", "truth_people"),
)
"""Columns that are read with the row; the listing of a large data set has no room for them."""
_LABELS = "truth_labels"
COLUMNS = [name for name in IMAGES.names if name not in {*_LEFT_OUT, *_LARGE, _LABELS}]
"""What is listed of a row."""

_OPEN_FILES = 256


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the images of all shard folders under a root.

    An image's id is that of its row with ``/`` for ``#``: here begins a new line of descent.

    Raises:
        ReaderError: there is no shard folder.
        DamageError: a shard is damaged.
        SchemaError: a shard does not store images as crossband does.
    """
    folders = sorted(path for path in root.glob("*") if is_shard_folder(path))
    if not folders:
        raise ReaderError(
            f"data set {dataset!r}: expected folders of shards under {root}, found none; "
            "run the stage that makes them (`dvc repro`)"
        )
    band = str(params.band)
    rows = [row for folder in folders for row in _rows(root, folder, dataset, band)]
    return Listing(rows, params.shards, partial(load, root))


def load(root: Path, row: Row) -> Row:
    """Add the image's bytes as ``content``, and the row's large columns."""
    known = {key: value for key, value in row.items() if key not in ("path", "place")}
    place: dict[str, Any] = row["place"]
    path = root / place["file"]
    known["content"] = _bytes(path, place["image"])
    if _sha256(known["content"]) != place["sha256"]:
        raise damaged(path, f"image of row {row['parent_id']!r}")
    if place["labels"]:
        name, span = place["labels"]
        known[_LABELS] = {"bytes": _bytes(path, span), "path": name}
    if place["large"]:
        with telling_damage(path):
            table = _opened(path)[0].read_row_group(
                place["group"], columns=list(place["large"]), use_threads=False
            )
        known |= rows_from_table(table.slice(place["offset"], 1))[0]
    return {name: value for name, value in known.items() if value is not None}


def _rows(root: Path, folder: Path, dataset: str, band: str) -> Iterator[Row]:
    shards, checked = ShardFolder.open(folder), CheckedFiles(folder)
    for index in range(shards.count):
        file = shards.shard(index)
        if fault := checked.fault(file.path):
            raise fault
        path = path_of(file.path)
        name = path.relative_to(root).as_posix()
        with opened(file.path) as parquet:
            there = parquet.schema_arrow.names
            groups = range(parquet.metadata.num_row_groups)
            large = [_large_of(parquet.metadata.row_group(group)) for group in groups]
        if "image" not in there:
            raise ReaderError(
                f"{path} has no column 'image': expected images as a stage writes them; for an "
                "import, export the data with this column"
            )
        images = spans_of(path, "image")
        labels = spans_of(path, _LABELS) if _LABELS in there else [[None] * len(g) for g in images]
        wanted = [column for column in (*COLUMNS, "sha256") if column in there]
        wanted += [f"{_LABELS}.path"] if _LABELS in there else []
        for group, batch in enumerate(file.batches(wanted)):
            for offset, row in enumerate(batch):
                map_of_labels = row.pop(_LABELS, None)
                span, image = labels[group][offset], images[group][offset]
                if image is None:
                    raise ReaderError(
                        f"{path}: row {row['sample_id']!r} has no image: expected one in each row; "
                        "for an import, export the data without such rows"
                    )
                digest = row.pop("sha256", None)  # an import of chosen columns may lack it
                place = {
                    "file": name,
                    "group": group,
                    "offset": offset,
                    "image": image,
                    "sha256": bytes.fromhex(digest) if digest else _sha256(_bytes(path, image)),
                    "labels": (map_of_labels["path"], span) if span else None,
                    "large": large[group],
                }
                known = (
                    {"band": band}
                    | row
                    | {
                        "dataset": dataset,
                        "sample_id": row["sample_id"].replace("#", "/"),
                        "parent_id": row["sample_id"],
                        "content_sha256": _content(dataset, row),
                    }
                )
                yield listed_row(f"{name}?{group}/{offset}", **known) | {"place": place}


def _content(dataset: str, row: Row) -> str:
    """Return a digest of what the row will be: it follows from the source's and its new name."""
    text = f"{dataset} {row['sample_id']} {row['content_sha256']}"
    return hashlib.sha256(text.encode()).hexdigest()


def _large_of(group: Any) -> tuple[str, ...]:
    """Return the large columns of which a row group holds any value."""
    filled: set[str] = set()
    for index in range(group.num_columns):
        chunk = group.column(index)
        counted = chunk.statistics
        if counted is None or counted.null_count is None or counted.null_count < chunk.num_values:
            filled.add(chunk.path_in_schema.partition(".")[0])
    return tuple(name for name in _LARGE if name in filled)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _bytes(path: Path, span: tuple[int, int]) -> bytes:
    start, size = span
    return _opened(path)[1][start : start + size]


@lru_cache(maxsize=_OPEN_FILES)
def _opened(path: Path) -> tuple[Any, mmap.mmap]:
    """Open a shard once in each process."""
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pq.ParquetFile(path, memory_map=True, page_checksum_verification=True), data
