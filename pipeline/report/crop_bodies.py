"""What the stage ``crop_bodies`` shows: crops, templates, backends of the regions."""

from typing import Any

from pipeline.report.query import Tables
from pipeline.store import ShardFolder


def crop_bodies_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``crop_bodies`` output: crops and templates by band, backends of the regions."""
    tables = Tables.of(
        folder,
        "band, template_id, box_xyxy[4] - box_xyxy[2] AS height_px, body_region_backend",
    )
    tables.view(
        "templates",
        """SELECT band, count(*) AS samples FROM rows
        WHERE template_id IS NOT NULL GROUP BY band, template_id""",
    )
    heights = tables.quantiles_by("band", "height_px")
    samples = tables.quantiles_by("band", "samples", table="templates")
    backends = tables.ask(
        """SELECT backend, count(*) FROM (SELECT unnest(body_region_backend) AS backend FROM rows)
        GROUP BY backend ORDER BY backend"""
    )
    bands = {
        band: {
            "crops": crops,
            "without_subject": unknown,
            "height_px": heights[band],
            "templates": templates,
            "samples_per_template": samples.get(band, {"n": 0}),
        }
        for band, crops, unknown, templates in tables.ask(
            """SELECT band, count(*), count(*) FILTER (template_id IS NULL),
                count(DISTINCT template_id)
            FROM rows GROUP BY band ORDER BY band"""
        )
    }
    return {"bands": bands, "body_region_backend": dict(backends)}
