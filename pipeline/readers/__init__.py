"""Readers: one module per data set, from its folder to the rows that ``ingest`` takes in.

A reader lists samples without opening pictures; the bytes of each are loaded by the worker that
takes the sample in. ``READERS`` is the whole list.
"""

from collections.abc import Callable
from pathlib import Path

from pipeline.params import DatasetParams
from pipeline.readers import folder, ijb_mdf, shards
from pipeline.readers.listing import check_listing
from pipeline.store import Listing

READERS: dict[str, Callable[[Path, str, DatasetParams], Listing]] = {
    "folder": folder.read,
    "ijb_mdf": ijb_mdf.read,
    "shards": shards.read,
}

__all__ = ["READERS", "read_dataset"]


def read_dataset(name: str, params: DatasetParams) -> Listing:
    """List a data set with the reader that its params name.

    Raises:
        ReaderError: the root does not hold what the reader expects, a sample id stands twice, or a
            subject is in two splits.
    """
    listing = READERS[params.reader](Path(params.root), name, params)
    check_listing(name, listing.rows)
    return listing
