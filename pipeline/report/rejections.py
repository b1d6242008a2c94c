"""Who left a stage and why: its rejected samples, listed and drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.ops.codec import as_rgb, decode
from pipeline.report import draw
from pipeline.report.chosen_rows import read_rows, spread
from pipeline.report.contact_sheet import write_png
from pipeline.report.page import MOST_PX, page
from pipeline.store import ShardFolder, is_shard_folder
from pipeline.store.scan import scan
from pipeline.types import UInt8

GONE_COLUMNS = ["sample_id", "subject_id", "band", "reason", "detail"]
"""What ``gone_of`` reads of a row of ``rejected``."""
_LINE_TILES = 6


@dataclass(frozen=True)
class Gone:
    """A sample that left at a stage.

    Attributes:
        sample_id: of the row that is not there.
        band: of the image.
        reason: one word.
        detail: one sentence, or nothing.
    """

    sample_id: str
    band: str
    reason: str
    detail: str


def rejected_samples(folder: ShardFolder) -> list[Gone]:
    """Return the samples that left at a stage, by reason and id."""
    gone = [gone_of(row) for row in scan(folder.rejected, GONE_COLUMNS)]
    return sorted(gone, key=lambda each: (each.reason, each.sample_id))


def rejected_sheet(folder: ShardFolder, path: Path, *, per_reason: int, tile_px: int) -> None:
    """Write a page of rejected samples, spread evenly over those of each reason.

    The images are those of the first stage of the data set that has them; what was no image has a
    tile without one.

    Args:
        folder: a stage's output.
        path: the PNG to write.
        per_reason: tiles of a reason, at most.
        tile_px: side of a tile.
    """
    by_reason: dict[str, list[Gone]] = {}
    for each in rejected_samples(folder):
        by_reason.setdefault(each.reason, []).append(each)
    chosen = [
        found[place] for found in by_reason.values() for place in spread(len(found), per_reason)
    ]
    images = _images(folder, [each.sample_id for each in chosen], tile_px)
    tiles = [_tile(each, images.get(root_of(each.sample_id)), tile_px) for each in chosen]
    tiles = tiles or [draw.captioned(draw.NOTHING, ["nothing", "", "", ""], (tile_px, tile_px))]
    stage = " ".join(reversed(folder.path.absolute().parts[-2:]))
    write_tiles(f"{stage}: rejected", tiles, path)


def write_tiles(title: str, tiles: Sequence[UInt8], path: Path) -> None:
    """Write a page of tiles side by side.

    Args:
        title: what is shown.
        tiles: (h, w, 3) each, all of one size, one or more.
        path: the PNG to write.
    """
    abreast = min(_LINE_TILES, MOST_PX // tiles[0].shape[1])
    empty = np.full_like(tiles[0], draw.GROUND)
    filled = [*tiles, *[empty] * (-len(tiles) % abreast)]
    lines = [np.hstack(filled[at : at + abreast]) for at in range(0, len(filled), abreast)]
    write_png(page(title, lines), path)


def gone_of(row: Mapping[str, str]) -> Gone:
    """Make one of a row of ``rejected``."""
    return Gone(row["sample_id"], row["band"], row["reason"], row["detail"])


def root_of(sample_id: str) -> str:
    """Return the id of the image that a row comes from."""
    return sample_id.partition("#")[0]


def _images(folder: ShardFolder, sample_ids: Sequence[str], tile_px: int) -> dict[str, UInt8]:
    """Read the images that samples come from, of the stage ``ingest``, by their ids.

    They are as small as a tile: many photographs at once would be gigabytes.
    """
    dataset = folder.path.absolute().parent
    if not is_shard_folder(dataset / "ingest"):
        dataset = dataset.parent  # of a stage's output for an entry, as crops/small
    if not is_shard_folder(dataset / "ingest"):
        return {}
    ids = sorted({root_of(sample_id) for sample_id in sample_ids})
    rows = read_rows(ShardFolder.open(dataset / "ingest"), ids, ["sample_id", "image"])
    return {
        row["sample_id"]: draw.fit(as_rgb(decode(row["image"]["bytes"])), tile_px)[0]
        for row in rows
    }


def _tile(gone: Gone, image: UInt8 | None, tile_px: int) -> UInt8:
    shown = draw.NOTHING if image is None else image
    place, _, name = gone.sample_id.rpartition("/")
    lines = [f"{gone.reason}  {gone.band}", place, name, gone.detail]
    return draw.captioned(shown, lines, (tile_px, tile_px))
