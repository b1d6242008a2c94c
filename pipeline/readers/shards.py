"""Reader ``shards``: images that another stage of crossband made.

Layout: ``<root>/<source>/shard-*-of-*.parquet`` with the columns of the schema ``IMAGES``, any
number of sources. The embedded sample data set lies so: one folder per ``sample`` stage.
"""

from functools import lru_cache, partial
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.listing import listed_row
from pipeline.schemas.sample import IMAGES
from pipeline.store import Listing, ShardFolder, is_shard_folder
from pipeline.types import Row

_LEFT_OUT = {"image", "sha256", "width_px", "height_px", "content_sha256", "fingerprint"}
COLUMNS = [name for name in IMAGES.names if name not in _LEFT_OUT]


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the images of all shard folders under a root.

    An image's id is that of its row with ``/`` for ``#``: here begins a new line of descent.

    Raises:
        ReaderError: there is no shard folder.
    """
    folders = sorted(path for path in root.glob("*") if is_shard_folder(path))
    if not folders:
        raise ReaderError(
            f"data set {dataset!r}: expected folders of shards under {root}, found none; "
            "run the stage that makes them (`dvc repro`)"
        )
    rows = [row for folder in folders for row in _rows(root, folder, dataset)]
    return Listing(rows, params.shards, partial(load, root))


def _rows(root: Path, folder: Path, dataset: str) -> list[Row]:
    opened = ShardFolder.open(folder)
    rows = []
    for index in range(opened.count):
        file = opened.shard(index)
        name = file.path.relative_to(root).as_posix()
        for group, batch in enumerate(file.batches(COLUMNS)):
            for offset, row in enumerate(batch):
                known = row | {
                    "dataset": dataset,
                    "sample_id": row["sample_id"].replace("#", "/"),
                    "parent_id": row["sample_id"],
                }
                rows.append(listed_row(f"{name}?{group}/{offset}", **known))
    return rows


def load(root: Path, row: Row) -> Row:
    """Add the image's bytes as ``content``; see ``listing.load_file``."""
    name, _, place = row["path"].partition("?")
    group, offset = (int(number) for number in place.split("/"))
    known = {key: value for key, value in row.items() if key != "path"}
    return known | {"content": _images(root / name, group)[offset]}


@lru_cache(maxsize=4)
def _images(path: Path, group: int) -> list[bytes]:
    """Read the images of one row group; neighbours are asked for one after the other."""
    with pq.ParquetFile(path) as file:
        table = file.read_row_group(group, columns=["image.bytes"])
    return [image["bytes"] for image in table["image"].to_pylist()]
