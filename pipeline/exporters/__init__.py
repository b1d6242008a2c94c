"""Exporters: from any stage's output to the formats of others. ``EXPORTERS`` is the whole list."""

from pipeline.exporters import (
    coco,
    croissant,
    folder,
    lfw_bin,
    lists,
    llcm,
    lmdb,
    market1501,
    parquet,
    recordio,
    webdataset,
    yolo,
)
from pipeline.exporters.format import Format, Request

EXPORTERS: dict[str, Format] = {
    "folder": folder.FORMAT,
    "webdataset": webdataset.FORMAT,
    "parquet": parquet.FORMAT,
    "croissant": croissant.FORMAT,
    "lmdb": lmdb.FORMAT,
    "recordio": recordio.FORMAT,
    "lfw_bin": lfw_bin.FORMAT,
    "coco": coco.FORMAT,
    "yolo": yolo.FORMAT,
    "market1501": market1501.FORMAT,
    "llcm": llcm.FORMAT,
    "lists": lists.FORMAT,
}

__all__ = ["EXPORTERS", "Format", "Request"]
