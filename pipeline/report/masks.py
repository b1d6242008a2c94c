"""What the stage ``masks`` shows: what masks hide, and that nothing else changed."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from pipeline.report.grouped import grouped_quantiles, yaw_bucket
from pipeline.report.metrics import quantiles, share_by
from pipeline.store import ShardFolder
from pipeline.types import Float32

COVERAGE_PARTS = ("eyes", "nose", "mouth", "skin")


def masks_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``masks`` output.

    Returns:
        ``pixels_changed_outside`` the mask: their sum, 0. ``coverage``: median share of each part
        that is hidden, by how the mask is worn. ``region_iou``: overlap with the mask drawn from
        the true geometry, where that is known. Shares by design, fit and band.
    """
    columns = ["mask_fit", "mask_coverage", "pixels_changed_outside", "region_iou", "pose_deg"]
    outside = 0
    hidden: dict[str, list[Float32]] = defaultdict(list)
    ious: dict[str, list[float]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for row in folder.rows(columns):
        outside += row["pixels_changed_outside"]
        counts[row["mask_fit"]] += 1
        for group in ("all", row["mask_fit"]):
            hidden[group].append(row["mask_coverage"])
        if row["region_iou"] is not None:
            for group in ("all", f"yaw {yaw_bucket(float(row['pose_deg'][0]))}"):
                ious[group].append(float(row["region_iou"]))
    return {
        "pixels_changed_outside": outside,
        "coverage": {
            group: {
                part: quantiles(np.asarray(values)[:, index].tolist()).get("median")
                for index, part in enumerate(COVERAGE_PARTS)
            }
            for group, values in sorted(hidden.items())
        },
        "region_iou": grouped_quantiles(ious),
        "design": share_by(folder, "mask_design"),
        "fit": share_by(folder, "mask_fit"),
        "simulated": share_by(folder, "simulated"),
    }
