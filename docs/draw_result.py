"""Draws ``docs/result.jpg``: one face in five bands, and what the stages make of it.

``python docs/draw_result.py`` in a project after ``dvc repro``. The image shows what the rows of
the embedded sample hold; nothing is retouched but the scale.
"""

from pathlib import Path

import numpy as np

from pipeline.ops.codec import decode, decode_rgb, encode_jpeg
from pipeline.report import draw
from pipeline.store import ShardFolder
from pipeline.types import Row, UInt8

FACE = "P002/emotions_sheet/neutral"
TILE_PX, CAPTION_PX = 168, 22
BANDS = ("VIS", "NIR", "SWIR", "MWIR", "LWIR")
MADE = (
    ("parse", "", "parse"),
    ("masks", "#mask000", "masks"),
    ("poses", "#pose.+030.00+000.00", "poses: +30 deg"),
    ("poses", "#pose.-030.00+000.00", "poses: -30 deg"),
    ("degrade", "#photometric.000", "degrade"),
)
"""Stage, what its row's id has beyond the face's, caption."""


def rows_of(data: Path, stage: str, ids: set[str]) -> dict[str, Row]:
    """Return the rows of a stage with these ids."""
    columns = ["sample_id", "image", *(["labels"] if stage == "parse" else [])]
    rows = ShardFolder.open(data / stage).rows(columns)
    return {row["sample_id"]: row for row in rows if row["sample_id"] in ids}


def tile(row: Row, caption: str) -> UInt8:
    """Draw one image with its caption, uint8 RGB."""
    image = decode_rgb(row["image"]["bytes"])
    if "labels" in row:
        image = draw.overlay_labels(image, decode(row["labels"]["bytes"]))
    image = draw.fit(image, TILE_PX)[0]
    return draw.captioned(image, [caption], (TILE_PX + 4, TILE_PX + CAPTION_PX))


def result(data: Path) -> UInt8:
    """Draw both lines.

    Args:
        data: the folder of the sample's stages.
    """
    bands = {f"{FACE}.{band}": band for band in BANDS}
    aligned = rows_of(data, "align", set(bands))
    above = [
        tile(aligned[name], band if band == "VIS" else f"{band}, simulated")
        for name, band in bands.items()
    ]
    below = []
    for stage, suffix, caption in MADE:
        name = f"{FACE}.VIS{suffix}"
        below.append(tile(rows_of(data, stage, {name})[name], caption))
    return np.vstack([np.hstack(above), np.hstack(below)])


if __name__ == "__main__":
    target = Path(__file__).with_name("result.jpg")
    target.write_bytes(encode_jpeg(result(Path("data/sample")), 92))
