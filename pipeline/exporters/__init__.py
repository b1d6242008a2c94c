"""Exporters: from any stage's output to the formats of others. ``EXPORTERS`` is the whole list."""

from importlib import import_module

from pipeline.exporters.format import Format

EXPORTERS: dict[str, str] = {
    "folder": "pipeline.exporters.folder",
    "webdataset": "pipeline.exporters.webdataset",
    "parquet": "pipeline.exporters.parquet",
    "croissant": "pipeline.exporters.croissant",
    "lmdb": "pipeline.exporters.lmdb",
    "recordio": "pipeline.exporters.recordio",
    "dali": "pipeline.exporters.dali",
    "lfw_bin": "pipeline.exporters.lfw_bin",
    "coco": "pipeline.exporters.coco",
    "yolo": "pipeline.exporters.yolo",
    "market1501": "pipeline.exporters.market1501",
    "llcm": "pipeline.exporters.llcm",
    "lists": "pipeline.exporters.lists",
}
"""Modules by the format's name, loaded on demand; each has its ``FORMAT``."""


def format_of(name: str) -> Format:
    """Return a format by a name of ``EXPORTERS``."""
    form: Format = import_module(EXPORTERS[name]).FORMAT
    return form
