"""Which rows a sheet shows: few, chosen by their columns, the only ones read with images."""

from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.store.shards import shard_of
from pipeline.types import Band, Row

_CELLS = """SELECT *, CASE WHEN apart
        THEN dense_rank() OVER (PARTITION BY subject, band ORDER BY name)
        ELSE dense_rank() OVER (PARTITION BY subject, apart ORDER BY name) END - 1 AS place
FROM (SELECT *, filmed OR widest = 1 OR most < widest AS apart
    FROM (SELECT *, max(bands) OVER (PARTITION BY subject) AS widest,
            max(bands) OVER (PARTITION BY subject, band) AS most
        FROM (SELECT *, count(DISTINCT band) OVER (PARTITION BY subject, name) AS bands
            FROM images)))
WHERE apart OR bands = widest"""
"""Images of subjects in their order: those that exist in the most bands. A band that none of these
is of has its own, and so has each band of frames: else nothing of it would be shown."""


def shot_sql(name: str) -> str:
    """Return SQL for an id without its band, as ``store.shots.without_band`` makes it.

    ``a/vis/1.jpg`` and ``a/LWIR/1.png`` are one shot, ``a/1.jpg`` and ``a/1_nir.jpg`` as well. What
    a stage made of an image, ``a/1.jpg#face001``, keeps what tells it from others; bands of one
    shot that were made of one image, ``a/1.jpg#nod.NIR`` and ``a/1.jpg#nod.LWIR``, are one.

    Args:
        name: SQL for the id; ``band`` has to be a column beside it.
    """
    root = f"split_part({name}, '#', 1)"
    made = f"regexp_replace(substr({name}, length({root}) + 1), '[.]' || band || '$', '')"
    return f"without_band({root}, band) || {made}"


IMAGE = "coalesce(CASE WHEN frame_index IS NULL THEN media_id END, sample_id)"
"""SQL: by what a shot is known. With pseudonyms an id tells nothing, and the media has the shot."""


def count_subjects(folder: ShardFolder, bands: Sequence[str] = ()) -> int:
    """Count the subjects of some bands, by default of all; rows without one are one together."""
    tables = Tables.of(folder, "coalesce(subject_id, '') AS subject, band")
    asked = "len($bands) = 0 OR list_contains($bands, band)"
    count = f"SELECT count(DISTINCT subject) FROM rows WHERE {asked}"  # noqa: S608
    return int(tables.ask(count, bands=[str(band) for band in bands])[0][0])


def pick_rows(
    folder: ShardFolder,
    *,
    subjects: Sequence[str] = (),
    bands: Sequence[str] = (),
    most_subjects: int = 5,
    per_subject: int = 3,
) -> list[Row]:
    """Pick rows spread evenly over those of a subject's images that exist in the most bands.

    Frames of videos exist in one band each, and so do images whose names differ in each band: every
    band's own are spread.

    Returns:
        Rows with images, sorted by subject, image, band.
    """
    tables = Tables.of(
        folder,
        "sample_id, coalesce(subject_id, '') AS subject, band, "
        "coalesce(media_id, '') <> '' AS filmed",
    )
    tables.table(
        "asked",
        """SELECT * FROM rows WHERE (len($subjects) = 0 OR list_contains($subjects, subject))
            AND (len($bands) = 0 OR list_contains($bands, band))""",
        subjects=list(subjects),
        bands=list(bands),
    )
    tables.table(
        "images",
        f"""SELECT * REPLACE (bool_or(filmed) OVER (PARTITION BY subject) AS filmed),
            {shot_sql("sample_id")} AS name
        FROM asked
        WHERE subject IN (SELECT DISTINCT subject FROM asked ORDER BY subject LIMIT $most)""",  # noqa: S608
        most=len(subjects) or most_subjects,
    )
    tables.table("cells", _CELLS)
    counts = tables.ask(
        """SELECT subject, CASE WHEN apart THEN band END AS own, max(place) + 1
        FROM cells GROUP BY ALL"""
    )
    chosen: dict[str, tuple[str, int, int]] = {}
    for subject, own, count in counts:
        for line, place in enumerate(spread(count, per_subject)):
            for band, sample_id in tables.ask(
                """SELECT band, sample_id FROM cells WHERE subject = $subject AND place = $place
                AND CASE WHEN apart THEN band END IS NOT DISTINCT FROM $own""",
                subject=subject,
                place=place,
                own=own,
            ):
                chosen[sample_id] = (subject, line, list(Band).index(Band(band)))
    return read_rows(folder, sorted(chosen, key=chosen.__getitem__))


def pick_families(
    folder: ShardFolder,
    *,
    subjects: Sequence[str] = (),
    bands: Sequence[str] = (),
    most_subjects: int = 5,
    per_subject: int = 3,
    most_made: int = 9,
) -> list[Row]:
    """Pick images that others were made of, spread over each subject's, with what was made.

    Args:
        folder: a stage that makes images of images.
        subjects: only these, by default the first few.
        bands: only these, by default all there are.
        most_subjects: how many subjects at most where none is named.
        per_subject: how many images of a subject; one in several bands counts once.
        most_made: how many of those made of one image, spread over all.

    Returns:
        Rows with images, those of one ``parent_id`` together; sorted by subject, image, band.
    """
    tables = Tables.of(folder, "sample_id, parent_id, coalesce(subject_id, '') AS subject, band")
    tables.table(
        "images",
        """SELECT * FROM (SELECT *, dense_rank() OVER (ORDER BY subject) AS rank FROM rows
            WHERE (len($subjects) = 0 OR list_contains($subjects, subject))
                AND (len($bands) = 0 OR list_contains($bands, band)))
        WHERE rank <= $most""",
        subjects=list(subjects),
        bands=list(bands),
        most=len(subjects) or most_subjects,
    )
    tables.table(
        "asked",
        f"""SELECT *, dense_rank() OVER (PARTITION BY subject ORDER BY name) - 1 AS place,
            row_number() OVER (PARTITION BY parent_id ORDER BY sample_id) - 1 AS number
        FROM (SELECT *, {shot_sql("parent_id")} AS name FROM images)""",  # noqa: S608
    )
    ids: list[str] = []
    for subject, images, made in tables.ask(
        """SELECT subject, max(place) + 1, max(number) + 1 FROM asked
        GROUP BY subject ORDER BY subject"""
    ):
        found = tables.ask(
            """SELECT sample_id FROM asked WHERE subject = $subject
            AND list_contains($places, place) AND list_contains($numbers, number)
            ORDER BY name, list_position($order, band), parent_id, sample_id""",
            subject=subject,
            places=spread(images, per_subject),
            numbers=spread(made, most_made),
            order=[str(band) for band in Band],
        )
        ids += [sample_id for (sample_id,) in found]
    return read_rows(folder, ids)


def pick_frames(folder: ShardFolder, per_camera: int = 3) -> list[Row]:
    """Pick a few frames of each band and camera, spread evenly over all of theirs."""
    tables = Tables.of(
        folder,
        """sample_id, band, camera_id, row_number() OVER (
            PARTITION BY band, camera_id ORDER BY sample_id) - 1 AS place""",
    )
    ids = [
        sample_id
        for band, camera, count in tables.ask(
            "SELECT band, camera_id, count(*) FROM rows GROUP BY ALL ORDER BY ALL"
        )
        for (sample_id,) in tables.ask(
            """SELECT sample_id FROM rows WHERE band = $band
            AND camera_id IS NOT DISTINCT FROM $camera AND list_contains($places, place)
            ORDER BY place""",
            band=band,
            camera=camera,
            places=spread(count, per_camera),
        )
    ]
    return read_rows(folder, ids)


def read_rows(
    folder: ShardFolder, sample_ids: Iterable[str], columns: Sequence[str] | None = None
) -> list[Row]:
    """Read some rows, and of other rows as little as can be.

    Args:
        folder: any stage's output.
        sample_ids: of the rows, in the order of the result.
        columns: what is read of a row; all but the measures by default.
    """
    order = {sample_id: place for place, sample_id in enumerate(sample_ids)}
    by_shard: dict[int, set[str]] = {}
    for sample_id in order:
        by_shard.setdefault(shard_of(sample_id, folder.count), set()).add(sample_id)
    rows = [
        row
        for index, ids in sorted(by_shard.items())
        for batch in folder.shard(index).batches(columns, ids=ids)
        for row in batch
    ]
    return sorted(rows, key=lambda row: order[row["sample_id"]])


def spread(count: int, most: int) -> list[int]:
    """Return up to ``most`` indices spread evenly over ``count``."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(most, count))})
