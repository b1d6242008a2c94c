"""Readers: one module per data set, from its folder to the rows that ``ingest`` takes in.

A reader lists samples without opening images; the bytes of each are loaded by the worker that
takes the sample in. ``READERS`` is the whole list.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers import (
    buaa_visnir,
    casia_nir_vis2,
    cfp,
    folder,
    ijb_mdf,
    ijba,
    ijbc,
    lamp_hq,
    lfw,
    llcm,
    megaface,
    oulu_casia_nirvis,
    recordio,
    regdb,
    shards,
    sysu_mm01,
    tufts,
    ytf,
)
from pipeline.readers.listing import check_listing
from pipeline.store import Listing

READERS: dict[str, Callable[[Path, str, DatasetParams], Listing]] = {
    "folder": folder.read,
    "ijb_mdf": ijb_mdf.read,
    "shards": shards.read,
    "recordio": recordio.read,
    "casia_nir_vis2": casia_nir_vis2.read,
    "buaa_visnir": buaa_visnir.read,
    "oulu_casia_nirvis": oulu_casia_nirvis.read,
    "tufts": tufts.read,
    "lamp_hq": lamp_hq.read,
    "ijba": ijba.read,
    "ijbc": ijbc.read,
    "lfw": lfw.read,
    "cfp": cfp.read,
    "ytf": ytf.read,
    "megaface": megaface.read,
    "llcm": llcm.read,
    "sysu_mm01": sysu_mm01.read,
    "regdb": regdb.read,
}

PUBLISHED: dict[str, Mapping[str, int]] = {
    "recordio": recordio.PUBLISHED,
    "casia_nir_vis2": casia_nir_vis2.PUBLISHED,
    "buaa_visnir": buaa_visnir.PUBLISHED,
    "oulu_casia_nirvis": oulu_casia_nirvis.PUBLISHED,
    "tufts": tufts.PUBLISHED,
    "lamp_hq": lamp_hq.PUBLISHED,
    "ijba": ijba.PUBLISHED,
    "ijbc": ijbc.PUBLISHED,
    "lfw": lfw.PUBLISHED,
    "cfp": cfp.PUBLISHED,
    "ytf": ytf.PUBLISHED,
    "megaface": megaface.PUBLISHED,
    "llcm": llcm.PUBLISHED,
    "sysu_mm01": sysu_mm01.PUBLISHED,
    "regdb": regdb.PUBLISHED,
}
"""How much of what each official data set has, as published; see ``protocols.check``."""

__all__ = ["PUBLISHED", "READERS", "read_dataset"]


def read_dataset(name: str, params: DatasetParams) -> Listing:
    """List a data set with the reader that its params name.

    Raises:
        ReaderError: the root does not hold what the reader expects, a sample id stands twice, or a
            subject is in two splits.
    """
    listing = READERS[params.reader](Path(params.root), name, params)
    check_listing(name, listing.rows)
    return listing
