"""What the stage ``parts`` shows: parts found, their distance from the mesh's, truth."""

from typing import Any

from pipeline.report.grouped import by_band_and_yaw, mean_summary
from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.types import FACE_PARTS

FRONTAL_DEG = 40
"""Faces turned by less count as frontal."""


def parts_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parts`` output.

    Returns:
        ``found``: share of faces in which the parser itself found each part, by band, over all
        faces and over those turned by less than 40°; ``mesh_distance_percent``: distance of the
        part's centre from the mesh's, % of the inter-ocular distance; ``box_iou``: by part, mean
        overlap of the part's box with that of its known pixels, 0 where the stage found none.
    """
    overlaps = ", ".join(f"box_iou_{part}" for part in FACE_PARTS)
    tables = Tables.of(
        folder,
        "subject_id, band, truth_pose_deg[1] AS truth_yaw_deg, pose_deg[1] AS yaw_deg, "
        f"part_backend, mesh_distance_percent, {overlaps}",
    )
    groups = {"all": "true", "frontal": f"abs(yaw_deg) < {FRONTAL_DEG}"}
    backends = tables.ask(
        """SELECT backend, count(*) FROM (SELECT unnest(part_backend) AS backend FROM rows)
        GROUP BY backend ORDER BY backend"""
    )
    found = {name: _found(tables, where) for name, where in groups.items()}
    return {
        "found": {name: shares for name, shares in found.items() if shares},
        "mesh_distance_percent": {
            part: tables.quantiles(f"mesh_distance_percent[{number}]")
            for number, part in enumerate(FACE_PARTS, start=1)
        },
        "backend": dict(backends),
        "box_iou": {
            part: by_band_and_yaw(tables.measured(f"box_iou_{part}"), mean_summary)
            for part in FACE_PARTS
        },
    }


def _found(tables: Tables, where: str) -> dict[str, dict[str, float | int]]:
    """Return by band in which share of faces the parser found each part, and both eyes."""
    seen = [f"(part_backend[{number}] = 'parser')" for number in range(1, len(FACE_PARTS) + 1)]
    shares = ", ".join(f"avg(CAST({each} AS DOUBLE))" for each in [*seen, " AND ".join(seen[:2])])
    rows = tables.ask(
        f"SELECT band, count(*), {shares} FROM rows WHERE {where} GROUP BY band ORDER BY band"  # noqa: S608
    )
    names = (*FACE_PARTS, "both_eyes")
    return {
        band: {name: round(s, 4) for name, s in zip(names, found, strict=True)} | {"n": count}
        for band, count, *found in rows
    }
