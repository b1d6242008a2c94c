"""Draws ``docs/gallery/``: what stages make of the embedded sample.

``python docs/draw_gallery.py`` in a project after ``dvc repro``; the images are contact sheets, as
``crossband show`` draws them.
"""

from pathlib import Path

from pipeline.ops.codec import decode_rgb, encode_jpeg
from pipeline.report.contact_sheet import contact_sheet
from pipeline.store import ShardFolder

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


if __name__ == "__main__":
    target = Path(__file__).parent / "gallery"
    target.mkdir(exist_ok=True)
    for name, (folder, subjects, bands, per_subject) in SHEETS.items():
        path = target / f"{name}.png"
        shown = ShardFolder.open(Path(folder))
        contact_sheet(
            shown, path, subjects=subjects, bands=bands, per_subject=per_subject, tile_px=TILE_PX
        )
        path.with_suffix(".jpg").write_bytes(encode_jpeg(decode_rgb(path.read_bytes()), 82))
        path.unlink()
