"""What the stage ``parse`` shows: the classes that are present, and overlap with the truth."""

from collections import Counter
from typing import Any

import numpy as np

from pipeline.ops.codec import decode
from pipeline.report.ground_truth import LEAST_PIXELS, known_labels, measured
from pipeline.report.grouped import Measured, by_band_and_yaw, mean_summary
from pipeline.store import ShardFolder
from pipeline.types import FaceClass, Float32

_EYES = (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE)
_MOUTH = (FaceClass.MOUTH_INNER, FaceClass.UPPER_LIP, FaceClass.LOWER_LIP)
PARSED = {"eyes": _EYES, "nose": (FaceClass.NOSE,), "mouth": _MOUTH}
"""What the overlap of label maps is measured for."""


def parse_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parse`` output: share of label maps with each class, by band; and truth."""
    seen: dict[str, Float32] = {}
    counts: Counter[str] = Counter()
    for row in folder.rows(["band", "labels"]):
        present = np.bincount(decode(row["labels"]["bytes"]).ravel(), minlength=len(FaceClass)) > 0
        seen[row["band"]] = seen.get(row["band"], 0.0) + present.astype(np.float32)
        counts[row["band"]] += 1
    return {
        "present": {
            band: {
                face_class.name.lower(): round(float(seen[band][face_class]) / counts[band], 4)
                for face_class in FaceClass
            }
            for band in sorted(seen)
        }
    } | parse_ground_truth(folder)


def parse_ground_truth(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parse`` output by the truth.

    Returns:
        ``iou``: by eyes, nose and mouth, mean overlap of the parsed and the known region, in the
        crop. A part of which the crop shows less than 8 known pixels does not count.
    """
    overlaps: dict[str, list[Measured]] = {name: [] for name in PARSED}
    for row, known in known_labels(folder, ["labels"]):
        parsed = decode(row["labels"]["bytes"])
        for name, classes in PARSED.items():
            theirs, ours = np.isin(known, classes), np.isin(parsed, classes)
            if theirs.sum() >= LEAST_PIXELS:
                overlap = float((theirs & ours).sum() / (theirs | ours).sum())
                overlaps[name].append(measured(row, overlap))
    return {
        "iou": {name: by_band_and_yaw(values, mean_summary) for name, values in overlaps.items()}
    }
