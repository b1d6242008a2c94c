"""What the stage ``crop_bodies`` shows: crops, templates, backends of the regions."""

from collections import Counter, defaultdict
from typing import Any

from pipeline.report.annotated_bodies import height_px
from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder


def crop_bodies_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``crop_bodies`` output: crops and templates by band, backends of the regions."""
    templates: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    heights: defaultdict[str, list[float]] = defaultdict(list)
    backends: Counter[str] = Counter()
    for row in folder.rows(["band", "template_id", "box_xyxy", "body_region_backend"]):
        templates[row["band"]][row["template_id"]] += 1
        heights[row["band"]].append(height_px(row))
        backends.update(row["body_region_backend"])
    bands = {}
    for band, counts in sorted(templates.items()):
        unknown = counts.pop(None, 0)
        bands[band] = {
            "crops": len(heights[band]),
            "without_subject": unknown,
            "height_px": quantiles(heights[band]),
            "templates": len(counts),
            "samples_per_template": quantiles(counts.values()),
        }
    return {"bands": bands, "body_region_backend": dict(sorted(backends.items()))}
