"""What people look at: contact sheets of any shard folder, and the numbers of the metrics files."""

from pipeline.report.attributes import attribute_metrics, quality_sheet
from pipeline.report.contact import contact_sheet
from pipeline.report.faces import align_metrics, detection_metrics, parse_metrics, parts_metrics
from pipeline.report.figures import truth_figure
from pipeline.report.metrics import share_by
from pipeline.report.scenes import scene_counts, scene_sheet
from pipeline.report.synthesis import masks_metrics, reconstruct_metrics

__all__ = [
    "align_metrics",
    "attribute_metrics",
    "contact_sheet",
    "detection_metrics",
    "masks_metrics",
    "parse_metrics",
    "parts_metrics",
    "scene_counts",
    "scene_sheet",
    "reconstruct_metrics",
    "quality_sheet",
    "share_by",
    "truth_figure",
]
