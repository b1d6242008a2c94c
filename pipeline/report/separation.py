"""Do identities separate? SFace on the aligned faces, within visible light and across bands.

The easy number that synthetic people must reach before a result on them says anything: images of
one of them must be more alike than images of two, in visible light more than across bands.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.bootstrap import VerificationBootstrap, share_interval
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.curve import eer
from pipeline.evaluation.identification import rank_k
from pipeline.evaluation.measures import measure
from pipeline.report.chosen_rows import IMAGE, read_rows, shot_sql
from pipeline.report.grouped import YAW_BUCKETS_DEG
from pipeline.report.query import Tables
from pipeline.report.sources import PHOTOGRAPHS, SOURCES
from pipeline.store import ShardFolder
from pipeline.types import Band, Row

GALLERY_MAX_YAW_DEG = YAW_BUCKETS_DEG[1]
RESAMPLES = 200
MOST_FACES = 750
"""Images of one kind, and so entries of the gallery: the comparisons stay bounded."""

_GALLERY, _TURNED = "gallery", "turned"
_KIND = f"""CASE WHEN band <> 'VIS' THEN band
    WHEN abs(yaw_deg) < {GALLERY_MAX_YAW_DEG} THEN '{_GALLERY}' ELSE '{_TURNED}' END"""
"""SQL: what part a face takes."""


COLUMNS = f"sample_id, subject_id, band, yaw_deg, generator, filename, {shot_sql(IMAGE)} AS shot"
"""What ``separation`` asks of the table ``rows``, as a select list in SQL."""


def separation(folder: ShardFolder, tables: Tables) -> dict[str, Any]:
    """Compare the faces of an ``attributes`` output.

    The gallery is every visible image with |yaw| below 20°. Probes are, in ``vis_vis_poses``, the
    visible images turned further; in ``vis_nir`` and so on all images of that band. An image
    is never compared with itself, nor with its own version in another band. All subjects count,
    as nothing is trained; of more than ``MOST_FACES`` images of a kind, those of the first shards
    are compared, which are as random as any: a shard is a hash of ids, and few files are read.

    Args:
        folder: the output.
        tables: with ``COLUMNS`` of it.

    Returns:
        By source of the people and by comparison: ``eer`` and ``rank1`` with 95 % intervals over
        subjects, ``chance.rank1`` (the mean share of the gallery that is the probe's own), and the
        numbers of comparisons and subjects; no numbers where there are not two subjects.
    """
    tables.view("images", "SELECT * FROM rows")
    tables.table(
        "faces",
        f"""SELECT rows.*, coalesce(source, '{PHOTOGRAPHS}') AS source,
            {_KIND} AS kind, row_number() OVER (PARTITION BY source, {_KIND}
                ORDER BY filename, md5(sample_id)) AS place
        FROM rows LEFT JOIN ({SOURCES}) USING (subject_id)
        WHERE subject_id IS NOT NULL""",  # noqa: S608
    )
    chosen = tables.ask(
        """SELECT source, kind, sample_id, shot FROM faces WHERE place <= $most
        ORDER BY source, sample_id""",
        most=MOST_FACES,
    )
    rows = _embedded(folder, {sample_id: shot for _, _, sample_id, shot in chosen})
    people: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for source, kind, sample_id, _ in chosen:
        people[source][kind].append(rows[sample_id])
    return {source: _of_source(kinds) for source, kinds in people.items()}


def _embedded(folder: ShardFolder, shots: Mapping[str, str]) -> dict[str, Row]:
    """Read the faces' embeddings, each beside its shot, by id."""
    columns = ["sample_id", "subject_id", "embedding"]
    rows = read_rows(folder, shots, columns)
    return {row["sample_id"]: row | {"shot": shots[row["sample_id"]]} for row in rows}


def _of_source(kinds: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    gallery = kinds.get(_GALLERY, ())
    turned = kinds.get(_TURNED, ())
    probes: dict[str, Sequence[Row]] = {"vis_vis_poses": turned, "vis_vis": [*gallery, *turned]}
    probes |= {f"vis_{band.lower()}": kinds.get(band, ()) for band in Band if band != Band.VIS}
    return {name: _compared(some, gallery) for name, some in probes.items() if some}


def _compared(probes: Sequence[Row], gallery: Sequence[Row]) -> dict[str, Any]:
    known = {row["subject_id"] for row in gallery}
    mated = [row for row in probes if row["subject_id"] in known]
    counts = {"probes": len(mated), "gallery": len(gallery), "subjects": len(known)}
    if len({row["subject_id"] for row in mated}) < 2:
        return counts
    asked, asked_who, asked_image = _arrays(mated)
    kept, kept_who, kept_image = _arrays(sorted(gallery, key=lambda row: str(row["subject_id"])))
    comparison = compare(
        asked,
        kept,
        asked_who,
        kept_who,
        probe_cameras=asked_image,
        gallery_cameras=kept_image,
    )
    measured = measure(comparison, fars=())
    same = asked_who[:, None] == kept_who
    left_out = same & (asked_image[:, None] == kept_image)
    bootstrap = VerificationBootstrap(
        comparison.scores(),  # the gallery is in its order already
        asked_who,
        kept_who,
        left_out=left_out,
        resamples=RESAMPLES,
    )
    ranks = measured.ranks.rank
    right = np.where(ranks > 0, ranks == 1, np.nan)
    chance = ((same & ~left_out).sum(1) / (~left_out).sum(1))[ranks > 0]
    return {
        "eer": _rounded(eer(measured.curve)),
        "eer_ci95": _interval(bootstrap.eer_interval()),
        "rank1": _rounded(rank_k(measured.ranks) if len(chance) else None),
        "rank1_ci95": _interval(share_interval(right, asked_who)),
        "chance": {"rank1": _rounded(float(chance.mean()) if len(chance) else None), "eer": 0.5},
        "genuine": measured.curve.genuine,
        "impostor": measured.curve.impostor,
        **counts,
    }


def _arrays(rows: Sequence[Row]) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any]]:
    """Return embeddings, subjects, and the shots, whatever their band."""
    return (
        np.stack([row["embedding"] for row in rows]),
        np.array([row["subject_id"] for row in rows]),
        np.array([row["shot"] for row in rows]),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _interval(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(bound, 4) for bound in interval]
