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

HOLDS: dict[str, str] = {
    "folder": "every column: images by split and subject, metadata.csv",
    "webdataset": "every column: tar shards, JSON and label beside each image",
    "parquet": "every column, images as Image, dataset card",
    "croissant": "every column, images as Image; MLCommons JSON-LD of all but lists of structs",
    "lmdb": "every column, by sample id",
    "recordio": "image, subject as label; ids in rows.csv",
    "dali": "image, subject as label, in random order; ids in train.lst",
    "lfw_bin": "pairs of images of one band and split (others with --mix), genuine or not; "
    "ids in pairs.csv",
    "coco": "image, boxes, keypoints, score, subject, band",
    "yolo": "image, boxes, keypoints of one kind of boxes",
    "market1501": "image as JPEG, subject, camera, query or gallery; ids in rows.csv",
    "llcm": "image, subject, camera, visible or infra-red, train and test lists; ids in rows.csv",
    "lists": "image, label, domain, gallery and probe lists (LightCNN, DVG)",
}
"""What of a row each format holds, for people: in ``crossband export --help`` no module is loaded
for it."""


def format_of(name: str) -> Format:
    """Return a format by a name of ``EXPORTERS``."""
    form: Format = import_module(EXPORTERS[name]).FORMAT
    return form
