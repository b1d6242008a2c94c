"""What the stage ``align`` shows: faces beyond the border, their size, truth."""

from collections import Counter
from typing import Any

from pipeline.ops.alignment import interocular_px
from pipeline.ops.boxes import iou
from pipeline.report.ground_truth import KNOWN, SAME_FACE_IOU, WHO, landmark_error, measured
from pipeline.report.grouped import by_band_and_yaw, mean_summary, median_summary
from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder


def align_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``align`` output: template, crops beyond the border, size of the faces, truth."""
    columns = ["template", "outside_fraction", "landmarks_xy", "face_count"]
    outside, distances, several = [], [], 0
    templates: Counter[str] = Counter()
    for row in folder.rows(columns):
        outside.append(float(row["outside_fraction"]))
        distances.append(interocular_px(row["landmarks_xy"]))
        several += row["face_count"] > 1
        templates[row["template"]] += 1
    return {
        "template": dict(templates),
        "outside_fraction": quantiles(outside),
        "interocular_px": quantiles(distances),
        "images_with_several_faces": several,
    } | align_ground_truth(folder)


def align_ground_truth(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``align`` output by the truth.

    Returns:
        ``wrong_face``: share of the aligned faces of images with a known one that are not it (IoU
        of the boxes below 0.5); ``nme_percent``: of the right ones.
    """
    wrong, errors = [], []
    for row in folder.rows([*WHO, *KNOWN, "box_xyxy", "landmarks_xy"]):
        if row["truth_box_xyxy"] is None:
            continue
        other = float(iou(row["truth_box_xyxy"], row["box_xyxy"])[0, 0]) < SAME_FACE_IOU
        wrong.append(measured(row, float(other)))
        if not other:
            errors += landmark_error(row, row["landmarks_xy"])
    return {
        "wrong_face": by_band_and_yaw(wrong, mean_summary),
        "nme_percent": by_band_and_yaw(errors, median_summary),
    }
