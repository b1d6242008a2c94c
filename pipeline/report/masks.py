"""What the stage ``masks`` shows: what masks hide, and that nothing else changed."""

from typing import Any

from pipeline.report.query import Tables
from pipeline.schemas.masks import COVERAGE_PARTS
from pipeline.store import ShardFolder


def masks_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``masks`` output.

    Returns:
        ``pixels_changed_outside`` the mask: their sum, 0. ``coverage``: median share of each part
        that is hidden, by how the mask is worn. ``region_iou``: overlap with the mask drawn from
        the true geometry, where that is known. Shares by design, fit and band.
    """
    tables = Tables.of(
        folder,
        "mask_fit, mask_design, simulated, mask_coverage, pixels_changed_outside, region_iou, "
        "pose_deg[1] AS yaw_deg",
    )
    outside = tables.ask("SELECT coalesce(sum(pixels_changed_outside), 0) FROM rows")
    return {
        "pixels_changed_outside": int(outside[0][0]),
        "coverage": _coverage(tables),
        "region_iou": tables.grouped_quantiles("region_iou", "yaw_deg"),
        "design": tables.shares("mask_design"),
        "fit": tables.shares("mask_fit"),
        "simulated": tables.shares("simulated"),
    }


def _coverage(tables: Tables) -> dict[str, dict[str, float | int | None]]:
    found: dict[str, dict[str, float | int | None]] = {}
    for number, part in enumerate(COVERAGE_PARTS, start=1):
        share = f"mask_coverage[{number}]"
        groups = {"all": tables.quantiles(share)} | tables.quantiles_by("mask_fit", share)
        for group, quantiles in groups.items():
            found.setdefault(group, {})[part] = quantiles.get("median")
    return dict(sorted(found.items())) if tables.count() else {}
