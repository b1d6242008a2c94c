"""Who left, where and why: the rejected samples of a stage, and one sample's way."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import StageError
from pipeline.ops.codec import as_rgb, decode, encode_png
from pipeline.report import draw
from pipeline.report.chosen_rows import read_rows, spread
from pipeline.report.page import MOST_PX, page
from pipeline.store import ShardFolder, is_shard_folder, shard_of
from pipeline.store.files import Place
from pipeline.store.whole import write_whole
from pipeline.types import UInt8

_COLUMNS = ["sample_id", "subject_id", "band", "reason", "detail"]
_LINE_TILES = 6
_CAPTION = ["", "", "", ""]
"""Of a tile: reason and band, folder, name, detail."""


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


@dataclass(frozen=True)
class Step:
    """What a stage did with a sample.

    Attributes:
        stage: its name, and that of its entry where it has several outputs: ``crops/small``.
        made: ids of the rows that it made of it.
        gone: rows that it did not make, and why.
    """

    stage: str
    made: tuple[str, ...]
    gone: tuple[Gone, ...]


def rejected_samples(folder: ShardFolder) -> list[Gone]:
    """Return the samples that left at a stage, by reason and id."""
    gone = [_gone(row) for row in folder.rejected.rows(_COLUMNS)]
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
    tiles = [_tile(each, images.get(_root(each.sample_id)), tile_px) for each in chosen]
    tiles = tiles or [draw.captioned(draw.NOTHING, ["nothing", *_CAPTION[1:]], (tile_px, tile_px))]
    empty = draw.captioned(draw.NOTHING, _CAPTION, (tile_px, tile_px))
    abreast = min(_LINE_TILES, MOST_PX // tile_px)
    tiles += [empty] * (-len(tiles) % abreast)
    lines = [tiles[at : at + abreast] for at in range(0, len(tiles), abreast)]
    stage = " ".join(reversed(folder.path.absolute().parts[-2:]))
    sheet = page(f"{stage}: rejected", [np.hstack(line) for line in lines])
    write_whole(path, encode_png(sheet))


def way_of(sample_id: str, data: Place, stages: Sequence[str]) -> dict[str, list[Step]]:
    """Follow a sample through the stages of the data sets that know it.

    Args:
        sample_id: of any stage's row; its whole way is that of the image it comes from.
        data: folder of the data sets.
        stages: names in their order; others come after them.

    Returns:
        Steps by data set; a stage that has not seen the sample is left out.

    Raises:
        StageError: no stage has seen it.
    """
    order = {name: place for place, name in enumerate(stages)}
    found: dict[str, list[Step]] = {}
    for dataset in _folders(data):
        outputs = _outputs(dataset)
        names = sorted(outputs, key=lambda name: order.get(name.partition("/")[0], len(order)))
        steps = [step for name in names if (step := _step(name, outputs[name], _root(sample_id)))]
        if steps:
            found[dataset.name] = steps
    if not found:
        raise StageError(
            f"no stage below {data.absolute()} has seen {sample_id!r}: expected an id as "
            "`crossband rejected` and the rows' column sample_id have it, or an image's path"
        )
    return found


def as_json(way: Mapping[str, Sequence[Step]]) -> dict[str, list[dict[str, object]]]:
    """Return ``way_of`` as plain values."""
    return {dataset: [asdict(step) for step in steps] for dataset, steps in way.items()}


def _folders(place: Place) -> list[Place]:
    return sorted((each for each in place.glob("*") if each.is_dir()), key=str)


def _outputs(dataset: Place) -> dict[str, ShardFolder]:
    """Open what stages made of a data set; ``crops/small`` is a stage's output for an entry."""
    found = {}
    for path in _folders(dataset):
        if is_shard_folder(path):
            found[path.name] = ShardFolder.open(path)
            continue
        for entry in _folders(path):
            # A stage tells whom it rejected: other shards lie there as a data set's source.
            if is_shard_folder(entry / "rejected"):
                found[f"{path.name}/{entry.name}"] = ShardFolder.open(entry)
    return found


def _step(stage: str, folder: ShardFolder, root: str) -> Step | None:
    """Return what a stage has of an image; None where it has not seen it."""
    index = shard_of(root, folder.count)
    ids = folder.shard(index).table(["sample_id"])["sample_id"].to_pylist()
    made = tuple(each for each in ids if _root(each) == root)
    rows = (row for batch in folder.rejected.shard(index).batches(_COLUMNS) for row in batch)
    gone = tuple(_gone(row) for row in rows if _root(row["sample_id"]) == root)
    return Step(stage, made, gone) if made or gone else None


def _gone(row: Mapping[str, str]) -> Gone:
    return Gone(row["sample_id"], row["band"], row["reason"], row["detail"])


def _root(sample_id: str) -> str:
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
    ids = sorted({_root(sample_id) for sample_id in sample_ids})
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
