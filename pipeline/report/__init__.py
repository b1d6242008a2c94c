"""What people look at: contact sheets of any shard folder, and the numbers of the metrics files."""

from pipeline.report.contact import contact_sheet
from pipeline.report.faces import align_metrics, detection_metrics, parse_metrics, parts_metrics
from pipeline.report.metrics import share_by
from pipeline.report.scenes import scene_counts, scene_sheet

__all__ = [
    "align_metrics",
    "contact_sheet",
    "detection_metrics",
    "parse_metrics",
    "parts_metrics",
    "scene_counts",
    "scene_sheet",
    "share_by",
]
