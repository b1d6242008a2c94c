"""Which rows the report shows: few of each band and yaw, the same shots in every stage."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.ops.codec import decode_rgb
from pipeline.report.chosen_rows import read_rows, shot_sql
from pipeline.report.facts import scalar_fields, unit_of
from pipeline.report.query import Tables
from pipeline.report.site.views import drawing_of, fitted, strip, views_of
from pipeline.store import ShardFolder
from pipeline.store.shards import shard_of
from pipeline.types import UInt8

REJECTIONS_LISTED = 20_000
"""Rejected samples of a stage that the table names."""

_ROOT = shot_sql("split_part(sample_id, '#', 1)")
"""SQL: the shot that a row comes from, whatever its band."""

_OF_ONE_SHOT = 4
"""Rows of a band, yaw and shot before the next shot's turn: of a sheet of many cut-outs a few."""

_ANGLES = {
    "yaw_deg": "yaw_deg",
    "pose_deg": "pose_deg[1]",
    "truth_pose_deg": "truth_pose_deg[1]",
}
"""SQL for the yaw of a row by its column: of what was measured, else of what is known."""


@dataclass(frozen=True)
class Shown:
    """A row as the report shows it.

    Attributes:
        facts: its scalar columns by name; ``sample_id``, ``subject_id``, ``band`` and ``yaw``, the
            name of its bucket, are always there.
        views: names of the views in its strip.
        strip: JPEG.
    """

    facts: dict[str, Any]
    views: tuple[str, ...]
    strip: bytes


@dataclass(frozen=True)
class Lost:
    """A rejected sample.

    Attributes:
        sample_id: its id.
        subject_id: who it shows, or empty.
        band: of the image.
        reason: one word.
        detail: one sentence, or nothing.
        strip: JPEG of the image that it was, None where there is none or it is only listed.
    """

    sample_id: str
    subject_id: str
    band: str
    reason: str
    detail: str
    strip: bytes | None = None


def rows_of(folder: ShardFolder) -> Tables:
    """Read what rows are chosen by: a table ``rows`` of id, band, shard, ``yaw`` and ``shot``.

    ``yaw`` is the name of its bucket. Nothing else is read of all rows: what a page says of those
    that it shows comes from these.
    """
    angles = {name: sql for name, sql in _ANGLES.items() if name in folder.shard(0).schema().names}
    yaw = f"coalesce({', '.join(angles.values())})" if angles else "NULL::FLOAT"
    shards = [
        folder.shard(index).table(["sample_id", "band", *angles]) for index in range(folder.count)
    ]
    places = np.repeat(np.arange(folder.count), [len(shard) for shard in shards])
    return Tables().put(
        "rows",
        pa.concat_tables(shards).append_column("shard", pa.array(places)),
        f"sample_id, band, shard, yaw_bucket({yaw}) AS yaw, {_ROOT} AS shot",
    )


def counts_of(rows: Tables) -> dict[str, dict[str, int]]:
    """Return the number of rows by band and bucket of yaw."""
    found: dict[str, dict[str, int]] = {}
    for band, bucket, count in rows.ask(
        "SELECT band, yaw, count(*) FROM rows GROUP BY ALL ORDER BY ALL"
    ):
        found.setdefault(band, {})[bucket] = count
    return found


def units_of(folder: ShardFolder) -> dict[str, str]:
    """Return how the scalar columns are to be read, by name; those that need no words stay out."""
    fields = scalar_fields(folder.shard(0).schema())
    return {field.name: unit for field in fields if (unit := unit_of(field))}


def shown_rows(
    folder: ShardFolder, rows: Tables, inputs: Sequence[ShardFolder], most: int
) -> Iterator[Shown]:
    """Yield rows of a stage with their images, a row group's at a time, sorted by shard and id.

    Args:
        folder: the output.
        rows: what ``rows_of`` says of it.
        inputs: outputs of the stages that it read, where images before are looked for.
        most: how many at most: of each band and bucket of yaw in turn.
    """
    schema = folder.shard(0).schema()
    scalars = [field.name for field in scalar_fields(schema)]
    drawing = drawing_of(schema.names)
    columns = [
        name for name in schema.names if name in {*scalars, *drawing.columns, "image", "parent_id"}
    ]
    yaws = _chosen(rows, most)
    by_shard: dict[int, set[str]] = {}
    for sample_id in yaws:
        by_shard.setdefault(shard_of(sample_id, folder.count), set()).add(sample_id)
    for index, ids in sorted(by_shard.items()):
        for batch in folder.shard(index).batches(columns, ids=ids):
            parents = [row["parent_id"] for row in batch if drawing.before and row["parent_id"]]
            before = images_before(inputs, parents)
            for row in batch:
                views = views_of(drawing, row, before.get(row["parent_id"]))
                facts = {name: row[name] for name in scalars} | {"yaw": yaws[row["sample_id"]]}
                yield Shown(facts, tuple(name for name, _ in views), strip(views))


def rejected_rows(
    folder: ShardFolder, inputs: Sequence[ShardFolder], most: int
) -> tuple[list[Lost], list[Lost]]:
    """Return the rejected samples that are shown, and those that are listed.

    Args:
        folder: the stage's output.
        inputs: outputs of the stages that it read, which have the images.
        most: how many are shown at most: of each reason and band in turn.
    """
    tables = Tables(folder.path).add(
        "lost",
        folder.rejected,
        "sample_id, coalesce(subject_id, '') AS subject, band, reason, detail",
    )
    listed = [
        Lost(*row)
        for row in tables.ask(
            "SELECT * FROM lost ORDER BY reason, sample_id LIMIT $most", most=REJECTIONS_LISTED
        )
    ]
    chosen = tables.ask(
        """SELECT * EXCLUDE place FROM (SELECT *, row_number() OVER (PARTITION BY reason, band
            ORDER BY md5(sample_id)) AS place FROM lost)
        ORDER BY place, reason, band, sample_id LIMIT $most""",
        most=most,
    )
    images = images_before(inputs, [name for row in chosen for name in origins_of(row[0])])
    shown = []
    for row in sorted(chosen, key=lambda row: (row[3], row[0])):
        name = next((name for name in origins_of(row[0]) if name in images), None)
        image = None if name is None else strip([("image", images[name])])
        shown.append(replace(Lost(*row), strip=image))
    return shown, listed


def images_before(inputs: Sequence[ShardFolder], sample_ids: Sequence[str]) -> dict[str, UInt8]:
    """Return the images of samples as the first of these folders that has each holds it."""
    found: dict[str, UInt8] = {}
    for folder in inputs:
        missing = [name for name in dict.fromkeys(sample_ids) if name not in found]
        if not missing:
            break
        for row in read_rows(folder, missing, ["sample_id", "image"]):
            found[row["sample_id"]] = fitted(decode_rgb(row["image"]["bytes"]))
    return found


def _chosen(rows: Tables, most: int) -> dict[str, str]:
    """Return the yaw of the rows that are shown, by id.

    Shots of the first shard come first, then those of the next: a shard is as random a part of all
    as any, by a hash of ids, and of one file few row groups are read. A shot whose bands lie in
    several shards counts for the first, so that all of its bands are shown.
    """
    return dict(
        rows.ask(
            f"""SELECT sample_id, yaw FROM (
                SELECT sample_id, band, yaw, row_number() OVER
                    (PARTITION BY band, yaw ORDER BY turn, home, digest, sample_id) AS place
                FROM (SELECT sample_id, band, yaw, md5(shot) AS digest,
                    min(shard) OVER (PARTITION BY shot) AS home, (row_number() OVER
                    (PARTITION BY band, yaw, shot ORDER BY sample_id) - 1) // {_OF_ONE_SHOT} AS turn
                    FROM rows))
            ORDER BY place, band, yaw, sample_id LIMIT $most""",  # noqa: S608 - a number of our own
            most=most,
        )
    )


def origins_of(sample_id: str) -> list[str]:
    """Return the ids that a row may be made of, itself first: ``a#b#c``, ``a#b``, ``a``."""
    parts = sample_id.split("#")
    return ["#".join(parts[:length]) for length in range(len(parts), 0, -1)]
