"""Exporters: from any stage's output to the formats of others. ``EXPORTERS`` is the whole list."""

from pipeline.exporters import folder, parquet, webdataset
from pipeline.exporters.format import Format, Request

EXPORTERS: dict[str, Format] = {
    "folder": folder.FORMAT,
    "webdataset": webdataset.FORMAT,
    "parquet": parquet.FORMAT,
}

__all__ = ["EXPORTERS", "Format", "Request"]
