"""Draws ``docs/gallery/``: what stages make of the embedded sample.

``python docs/draw_gallery.py`` in a project after ``dvc repro``; the images are contact sheets, as
``crossband show`` draws them.
"""

from pathlib import Path

from pipeline.ops.codec import encode_jpeg
from pipeline.report.body_tiles import strips
from pipeline.report.chosen_rows import pick_rows
from pipeline.report.contact_sheet import sheet
from pipeline.store import ShardFolder
from pipeline.types import UInt8

TILE_PX = 150
SHEETS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], int]] = {
    "detect": ("data/sample/detect", ("P001", "P008"), (), 2),
    "parts": ("data/sample/parts", ("P002", "Q0003"), ("VIS", "NIR"), 1),
    "parse": ("data/sample/parse", ("P002", "Q0003"), (), 1),
    "reconstruct": ("data/sample/reconstruct", ("P001", "Q0003"), (), 1),
    "masks": ("data/sample/masks", ("P001", "P008", "Q0001"), (), 3),
    "poses": ("data/sample/poses", ("P002", "Q0002"), (), 6),
    "degrade": ("data/sample/degrade", ("P001", "P002"), (), 6),
    "crop_bodies": ("data/scenes/crop_bodies", ("B002", "B005"), (), 3),
}
"""For each image: the rows' folder, subjects, bands (all without any), images of each."""


def drawn(
    folder: Path, subjects: tuple[str, ...], bands: tuple[str, ...], per_subject: int
) -> UInt8:
    """Draw one sheet, uint8 RGB."""
    rows = pick_rows(
        ShardFolder.open(folder), subjects=subjects, bands=bands, per_subject=per_subject
    )
    return strips(rows, TILE_PX) if "body_region_boxes_xyxy" in rows[0] else sheet(rows, TILE_PX)


if __name__ == "__main__":
    target = Path(__file__).parent / "gallery"
    target.mkdir(exist_ok=True)
    for name, (folder, *chosen) in SHEETS.items():
        (target / f"{name}.jpg").write_bytes(encode_jpeg(drawn(Path(folder), *chosen), 82))
        print(target / f"{name}.jpg")
