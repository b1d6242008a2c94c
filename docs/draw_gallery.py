"""Draws ``docs/gallery/``: what stages make of the embedded sample.

``python docs/draw_gallery.py`` in a project after ``dvc repro``; the images are contact sheets, as
``crossband show`` draws them.
"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.ops.codec import decode_rgb, encode_jpeg
from pipeline.report.contact_sheet import contact_sheet
from pipeline.store import ShardFolder

TILE_PX = 150


@dataclass(frozen=True)
class Sheet:
    """What an image shows.

    Attributes:
        folder: of the rows.
        subjects: whose.
        per_subject: images of each in a band; with ``before``, faces of each.
        bands: all without any.
        before: folder of the rows that these were made of, shown on the left.
    """

    folder: str
    subjects: tuple[str, ...]
    per_subject: int
    bands: tuple[str, ...] = ()
    before: str | None = None


ALIGNED = "data/sample/align"
SHEETS = {
    "detect": Sheet("data/sample/detect", ("Q0001", "Q0003"), 2),
    "parts": Sheet("data/sample/parts", ("P002", "Q0003"), 1, ("VIS", "NIR")),
    "parse": Sheet("data/sample/parse", ("P002", "Q0003"), 1),
    "reconstruct": Sheet("data/sample/reconstruct", ("P001", "Q0003"), 1),
    "masks": Sheet("data/sample/masks", ("P001", "P008", "Q0001"), 2, (), ALIGNED),
    "poses": Sheet("data/sample/poses", ("P002", "Q0002"), 1, (), ALIGNED),
    "degrade": Sheet("data/sample/degrade", ("P001", "P002"), 2, (), ALIGNED),
    "crop_bodies": Sheet("data/scenes/crop_bodies", ("B002", "B005"), 3),
}


if __name__ == "__main__":
    target = Path(__file__).parent / "gallery"
    target.mkdir(exist_ok=True)
    for name, sheet in SHEETS.items():
        path = target / f"{name}.png"
        contact_sheet(
            ShardFolder.open(Path(sheet.folder)),
            path,
            before=ShardFolder.open(Path(sheet.before)) if sheet.before else None,
            subjects=sheet.subjects,
            bands=sheet.bands,
            per_subject=sheet.per_subject,
            tile_px=TILE_PX,
        )
        path.with_suffix(".jpg").write_bytes(encode_jpeg(decode_rgb(path.read_bytes()), 82))
        path.unlink()
