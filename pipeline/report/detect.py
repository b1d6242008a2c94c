"""What the stage ``detect`` shows: images without a face, agreement with the mesh, truth."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from pipeline.face3d.mesh import disagreement_percent
from pipeline.ops.boxes import iou
from pipeline.report.ground_truth import KNOWN, SAME_FACE_IOU, WHO, landmark_error, measured
from pipeline.report.grouped import (
    by_band_and_yaw,
    mean_summary,
    median_summary,
    yaw_bucket,
)
from pipeline.report.metrics import quantiles, rejections
from pipeline.report.sources import source_of_subjects
from pipeline.store import ShardFolder
from pipeline.types import Float32


def detection_metrics(folder: ShardFolder, images: ShardFolder) -> dict[str, Any]:
    """Measure a ``detect`` output.

    Args:
        folder: the output.
        images: the output of ``ingest`` that it was made from.

    Returns:
        What ``detection_ground_truth`` returns, and
        ``failure_to_enrol``: share of images in which no face was found, by band and by view;
        images taken from behind show no face and count only in ``found_from_behind``. The share
        is given by source, too: the program that made a subject's visible images.
        ``mesh_agreement_percent``: mean distance of the detector's five landmarks from the mesh's,
        in % of the inter-ocular distance, for each image's first face.
    """
    found: Counter[tuple[str, str]] = Counter()
    distances: dict[str, list[float]] = defaultdict(list)
    for row in folder.rows(["band", "view", "faces"]):
        found[row["band"], row["view"] or "any"] += 1
        if row["view"] == "back":
            continue
        face = row["faces"][0]
        distance = disagreement_percent(face["detected_xy"], face["mesh_xyz"])
        bucket = yaw_bucket(float(face["pose_deg"][0]))
        for key in ("all", f"band {row['band']}", f"yaw {bucket}"):
            distances[key].append(distance)
    lost = Counter((row["band"], row["view"] or "any") for row in rejections(folder, "no_face"))
    views = sorted({view for _, view in found | lost} - {"back"})
    return {
        "failure_to_enrol": _failure(found, lost, views),
        "failure_to_enrol_by_view": {view: _failure(found, lost, [view]) for view in views},
        "failure_to_enrol_by_source": _failure_by_source(folder, images),
        "found_from_behind": _share(found, found + lost, ["back"]),
        "mesh_agreement_percent": quantiles(distances["all"])
        | {
            f"by_{kind}": {
                name.removeprefix(f"{kind} "): quantiles(values)
                for name, values in sorted(distances.items())
                if name.startswith(kind)
            }
            for kind in ("band", "yaw")
        },
    } | detection_ground_truth(folder, images)


def detection_ground_truth(folder: ShardFolder, images: ShardFolder) -> dict[str, Any]:
    """Measure a ``detect`` output by the truth.

    Args:
        folder: the output.
        images: the output of ``ingest``; a rejected image's ground truth stands only there.

    Returns:
        ``failure_to_enrol_of_known``: share of the known faces without a found face on them (IoU
        below 0.5 with every one); ``nme_percent``: see ``nme_percent``, of the face on the known.
    """
    found: dict[str, Float32] = {}
    errors = []
    for row in folder.rows([*WHO, *KNOWN, "faces"]):
        if row["truth_box_xyxy"] is None:
            continue
        boxes = np.stack([face["box_xyxy"] for face in row["faces"]])
        overlap = iou(row["truth_box_xyxy"], boxes)[0]
        best = int(np.argmax(overlap))
        found[row["sample_id"]] = overlap[best]
        if overlap[best] >= SAME_FACE_IOU:
            errors += landmark_error(row, row["faces"][best]["landmarks_xy"])
    missed = [
        measured(row, float(found.get(row["sample_id"], 0.0) < SAME_FACE_IOU))
        for row in images.rows([*WHO, "truth_box_xyxy", "truth_pose_deg"])
        if row["truth_box_xyxy"] is not None
    ]
    return {
        "failure_to_enrol_of_known": by_band_and_yaw(missed, mean_summary),
        "nme_percent": by_band_and_yaw(errors, median_summary),
    }


def _failure_by_source(folder: ShardFolder, images: ShardFolder) -> dict[str, dict[str, float]]:
    """Return by source and band the share of images, not from behind, without a face."""
    sources = source_of_subjects(images)
    lost = {row["sample_id"] for row in rejections(folder, "no_face")}
    shown: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for row in images.rows(["sample_id", "subject_id", "band", "view"]):
        if row["view"] != "back":
            source = sources[row["subject_id"]]
            shown[source][row["band"]].append(row["sample_id"] in lost)
    return {
        source: {band: round(float(np.mean(flags)), 4) for band, flags in sorted(bands.items())}
        for source, bands in sorted(shown.items())
    }


def _failure(
    found: Counter[tuple[str, str]], lost: Counter[tuple[str, str]], views: Iterable[str]
) -> dict[str, float]:
    return _share(lost, found + lost, views)


def _share(
    part: Counter[tuple[str, str]], whole: Counter[tuple[str, str]], views: Iterable[str]
) -> dict[str, float]:
    """Return by band which share of the whole the part is, over some views."""
    views = set(views)
    totals: Counter[str] = Counter()
    for (band, view), count in whole.items():
        totals[band] += count if view in views else 0
    return {
        band: round(sum(part[band, view] for view in views) / total, 4)
        for band, total in sorted(totals.items())
        if total
    }
