"""What the stage ``ingest`` shows: who was taken in which band, splits, simulated, coloured."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from pipeline.ops.codec import decode
from pipeline.ops.colour import COLOURED, channels_apart, saturation_of
from pipeline.report.chosen_rows import read_rows, spread
from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.types import Band

_NOBODY = "(no subject)"
_LOOKED_AT = 6
"""Images of each band that are decoded to see whether they have colour."""


def ingest_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``ingest`` output.

    Returns:
        ``share`` of rows by band, split and ``simulated``; ``colour`` by band, see ``_colour``.
    """
    tables = Tables.of(folder, "sample_id, band, split, simulated")
    share = {column: tables.shares(column) for column in ("band", "split", "simulated")}
    return {"share": share, "colour": _colour(folder, tables)}


def doubtful_bands(colour: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each band whose images look as those of another one do.

    Args:
        colour: as of ``ingest_metrics``.
    """
    for band, seen in colour.items():
        if band == Band.VIS and seen["grey"] == 1.0:
            yield (
                f"all {seen['images']} {band} images looked at are grey: if they are infra-red, "
                "name their band (a column or folder `band`, or datasets.<name>.band)"
            )
        if band != Band.VIS and seen["grey"] < 1.0:
            yield (
                f"{round((1.0 - seen['grey']) * seen['images'])} of {seen['images']} {band} images "
                "looked at have colour: if they are visible light, name their band; if they show "
                "heat in false colours, datasets.<name>.heat makes them grey"
            )


def _colour(folder: ShardFolder, tables: Tables) -> dict[str, dict[str, Any]]:
    """Look at a few images of each band, spread over all.

    Returns:
        ``images`` looked at; the share of them that is ``grey``; mean HSV ``saturation``, 0 to 1.
    """
    bands: dict[str, list[str]] = {}
    for band, count in tables.counts("band").items():
        bands[band] = [
            sample_id
            for (sample_id,) in tables.ask(
                """SELECT sample_id FROM (SELECT sample_id,
                    row_number() OVER (ORDER BY sample_id) - 1 AS place
                    FROM rows WHERE band = $band)
                WHERE list_contains($places, place) ORDER BY place""",
                band=band,
                places=spread(count, _LOOKED_AT),
            )
        ]
    found = {}
    for band in (str(each) for each in Band if each in bands):
        rows = read_rows(folder, bands[band], ["sample_id", "image"])
        images = [decode(row["image"]["bytes"]) for row in rows]
        found[band] = {
            "images": len(images),
            "grey": round(float(np.mean([channels_apart(i) <= COLOURED for i in images])), 4),
            "saturation": round(float(np.mean([saturation_of(i) for i in images])), 4),
        }
    return found


def subjects_by_bands(folder: ShardFolder, most: int = 10) -> str:
    """Return a table of text: how many images each subject has in each band.

    Args:
        folder: an ``ingest`` output.
        most: subjects with a line of their own; the others are counted in the last line alone.
    """
    tables = Tables.of(folder, f"coalesce(subject_id, '{_NOBODY}') AS subject, band")
    found = tables.ask("SELECT subject, band, count(*) FROM rows GROUP BY ALL ORDER BY ALL")
    counts: dict[str, dict[str, int]] = {}
    for subject, band, count in found:
        counts.setdefault(subject, {})[band] = count
    bands = [str(band) for band in Band if any(band in each for each in counts.values())]
    total = {band: sum(each.get(band, 0) for each in counts.values()) for band in bands}
    last = f"all {len(counts.keys() - {_NOBODY})} subjects"
    width = max(len(name) for name in [last, *list(counts)[:most]])

    def line(name: str, cells: Iterable[object]) -> str:
        return f"  {name:<{width}}" + "".join(f"{cell:>8}" for cell in cells)

    lines = [line("", bands)]
    shown = list(counts.items())[:most]
    lines += [line(name, [each.get(band, 0) for band in bands]) for name, each in shown]
    if len(counts) > most:
        lines.append(f"  … and {len(counts) - most} more")
    return "\n".join([*lines, line(last, total.values())])
