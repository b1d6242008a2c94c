"""What the stage ``detect`` shows: images without a face, agreement with the mesh, truth."""

from collections.abc import Iterable
from typing import Any

from pipeline.report.grouped import by_band_and_yaw, mean_summary, median_summary
from pipeline.report.query import Tables
from pipeline.report.sources import SOURCES
from pipeline.store import ShardFolder

DOUBTFUL_PERCENT = 25.0
"""Of the inter-ocular distance; a frontal face's are 8 off, one in profile up to 20."""

Tally = dict[tuple[str, str], tuple[int, int]]
"""Images with and without a face by band and view; an image without a view has view ``any``."""


def detection_metrics(folder: ShardFolder, images: ShardFolder) -> dict[str, Any]:
    """Measure a ``detect`` output.

    Args:
        folder: the output.
        images: the output of ``ingest`` that it was made from; a rejected image's truth stands
            only there.

    Returns:
        ``failure_to_enrol``: share of images in which no face was found, by band and by view;
        images taken from behind show no face and count only in ``found_from_behind``. The share
        is given by source, too: the program that made a subject's visible images.
        ``mesh_agreement_percent``: mean distance of the detector's landmarks from the mesh's, % of
        the inter-ocular distance, for each image's first face; ``doubtful``: share of these by
        band whose landmarks lie farther off than those of most upright faces do.
        ``failure_to_enrol_of_known``: share of the known faces without a found face on them (IoU
        below 0.5 with every one); ``nme_percent``: mean distance of the landmarks of the face on
        the known one from the true ones, % of the inter-ocular distance.
    """
    known = "subject_id, band, truth_pose_deg[1] AS truth_yaw_deg"
    tables = (
        Tables(folder.path)
        .add(
            "rows",
            folder,
            "sample_id, view, yaw_deg, mesh_agreement_percent, known_face_iou, nme_percent, "
            f"{known}",
        )
        .add("lost", folder.rejected, "sample_id, band, view, reason")
        .add(
            "images",
            images,
            f"sample_id, view, generator, truth_box_xyxy IS NOT NULL AS has_face, {known}",
        )
    )
    tally = _tally(tables)
    views = sorted({view for _, view in tally} - {"back"})
    shown = "view IS DISTINCT FROM 'back'"
    agreement = "mesh_agreement_percent"
    missed = """coalesce((SELECT known_face_iou FROM rows
        WHERE rows.sample_id = images.sample_id), 0) < 0.5"""
    return {
        "failure_to_enrol": _failure(tally, views),
        "failure_to_enrol_by_view": {view: _failure(tally, [view]) for view in views},
        "failure_to_enrol_by_source": _failure_by_source(tables),
        "found_from_behind": _found(tally, ["back"]),
        agreement: tables.quantiles(agreement, where=shown)
        | {
            "by_band": tables.quantiles_by("band", agreement, where=shown),
            "by_yaw": tables.quantiles_by("yaw_bucket(yaw_deg)", agreement, where=shown),
        },
        "doubtful": _doubtful(tables, shown),
        "failure_to_enrol_of_known": by_band_and_yaw(
            tables.measured(missed, where="has_face", table="images"), mean_summary
        ),
        "nme_percent": by_band_and_yaw(tables.measured("nme_percent"), median_summary),
    }


def _doubtful(tables: Tables, where: str) -> dict[str, float]:
    """Return by band the share of first faces whose landmarks the mesh does not share."""
    found = tables.ask(
        f"""SELECT band, avg(CAST(mesh_agreement_percent > {DOUBTFUL_PERCENT} AS DOUBLE))
        FROM rows WHERE {where} GROUP BY band ORDER BY band"""  # noqa: S608
    )
    return {band: round(share, 4) for band, share in found}


def _tally(tables: Tables) -> Tally:
    found = tables.ask(
        """SELECT band, coalesce(view, 'any') AS view, sum(found), sum(1 - found)
        FROM (SELECT band, view, 1 AS found FROM rows
            UNION ALL SELECT band, view, 0 FROM lost WHERE reason = 'no_face')
        GROUP BY ALL ORDER BY ALL"""
    )
    return {(band, view): (int(seen), int(lost)) for band, view, seen, lost in found}


def _failure_by_source(tables: Tables) -> dict[str, dict[str, float]]:
    """Return by source and band the share of images, not from behind, without a face."""
    shares: dict[str, dict[str, float]] = {}
    for source, band, share in tables.ask(
        f"""SELECT coalesce(source, 'photographs') AS source, band,
            avg(CAST(sample_id IN (SELECT sample_id FROM lost WHERE reason = 'no_face') AS DOUBLE))
        FROM images LEFT JOIN ({SOURCES}) AS known
            ON images.subject_id IS NOT DISTINCT FROM known.subject_id
        WHERE view IS DISTINCT FROM 'back' GROUP BY ALL ORDER BY ALL"""  # noqa: S608
    ):
        shares.setdefault(source, {})[band] = round(share, 4)
    return shares


def _failure(tally: Tally, views: Iterable[str]) -> dict[str, float]:
    return _share(tally, views, 1)


def _found(tally: Tally, views: Iterable[str]) -> dict[str, float]:
    return _share(tally, views, 0)


def _share(tally: Tally, views: Iterable[str], which: int) -> dict[str, float]:
    """Return by band which share of the images of some views were found (0) or lost (1)."""
    chosen = {band: [0, 0] for band, _ in tally}
    for (band, view), counts in tally.items():
        if view in views:
            chosen[band] = [a + b for a, b in zip(chosen[band], counts, strict=True)]
    return {
        band: round(counts[which] / sum(counts), 4)
        for band, counts in sorted(chosen.items())
        if sum(counts)
    }
