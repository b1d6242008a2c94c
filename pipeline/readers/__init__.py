"""Readers: one module per data set, from its folder to the rows that ``ingest`` takes in.

A reader lists samples without opening images; the bytes of each are loaded by the worker that
takes the sample in. ``READERS`` is the whole list; each module has ``read(root, name, params)``
and, where a data set is official, ``PUBLISHED``.
"""

from collections.abc import Collection
from dataclasses import replace
from importlib import import_module
from itertools import chain
from pathlib import Path

from pipeline.params.datasets import FREE, DatasetParams
from pipeline.readers.listing import check_listing
from pipeline.store.listing import Listing

READERS: dict[str, str] = {
    "folder": "pipeline.readers.folder",
    "ijb_mdf": "pipeline.readers.ijb_mdf",
    "shards": "pipeline.readers.shards",
    "recordio": "pipeline.readers.recordio",
    "bin_packs": "pipeline.readers.bin_packs",
    "casia_nir_vis2": "pipeline.readers.casia_nir_vis2",
    "buaa_visnir": "pipeline.readers.buaa_visnir",
    "oulu_casia_nirvis": "pipeline.readers.oulu_casia_nirvis",
    "tufts": "pipeline.readers.tufts",
    "lamp_hq": "pipeline.readers.lamp_hq",
    "ijba": "pipeline.readers.ijba",
    "ijbb": "pipeline.readers.ijbb",
    "ijbc": "pipeline.readers.ijbc",
    "ijb_insightface": "pipeline.readers.ijb_insightface",
    "lfw": "pipeline.readers.lfw",
    "cfp": "pipeline.readers.cfp",
    "ytf": "pipeline.readers.ytf",
    "megaface": "pipeline.readers.megaface",
    "llcm": "pipeline.readers.llcm",
    "sysu_mm01": "pipeline.readers.sysu_mm01",
    "regdb": "pipeline.readers.regdb",
    "tfw": "pipeline.readers.tfw",
    "sf_tl54": "pipeline.readers.sf_tl54",
    "speaking_faces": "pipeline.readers.speaking_faces",
    "mcxface": "pipeline.readers.mcxface",
    "arl_vtf": "pipeline.readers.arl_vtf",
}
"""Modules by the name in ``datasets.<name>.reader``, loaded on demand."""

CHECKED = tuple(name for name in READERS if name not in FREE)
"""Readers of official data sets: a copy can be compared with what was published."""


def list_dataset(name: str, params: DatasetParams) -> Listing:
    """List a data set with the reader that its params name, unchecked.

    Raises:
        ReaderError: the root does not hold what the reader expects.
    """
    listing: Listing = import_module(READERS[params.reader]).read(Path(params.root), name, params)
    return listing


def read_dataset(name: str, params: DatasetParams, lists: Collection[str] = frozenset()) -> Listing:
    """List a data set with the reader that its params name.

    Args:
        name: of the data set.
        params: its params.
        lists: paths below the root of tables that protocols are made of: no reader passes them
            over, as they are read.

    Raises:
        ReaderError: the root does not hold what the reader expects, a sample id stands twice, or a
            subject is in two splits.
    """
    listing = list_dataset(name, params)
    check_listing(name, chain(listing.rows, listing.passed_over))
    passed_over = [row for row in listing.passed_over if row["path"] not in lists]
    return replace(listing, passed_over=passed_over)
