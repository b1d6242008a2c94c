"""Metrics of the 3D stages: against the sample's truth where there is one."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from pipeline.ops.contours import LEFT_EYE_LOOP, RIGHT_EYE_LOOP
from pipeline.report.grouped import yaw_bucket
from pipeline.report.metrics import quantiles, share_by
from pipeline.store import ShardFolder
from pipeline.types import Float32

COVERAGE_PARTS = ("eyes", "nose", "mouth", "skin")


def reconstruct_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``reconstruct`` output.

    Returns:
        ``nme_percent``: mean distance in the picture of a face's 468 points from the true ones, %
        of the true distance of the eyes in space (in the picture it vanishes in profile);
        ``yaw_error_deg``, all and for |yaw| up to 40°; both by |true yaw| and by band, where the
        data set knows the truth. ``residual_percent``: mesh against the five points;
        ``visible_fraction``: of the face's half that is seen less.
    """
    columns = ["band", "mesh_xyz", "pose_deg", "truth_mesh_xyz", "truth_pose_deg"]
    columns += ["residual_percent", "visible_fraction"]
    errors: dict[str, list[float]] = defaultdict(list)
    yaws: dict[str, list[float]] = defaultdict(list)
    residuals: dict[str, list[float]] = defaultdict(list)
    seen = []
    for row in folder.rows(columns):
        residuals["all"].append(float(row["residual_percent"]))
        residuals[row["band"]].append(float(row["residual_percent"]))
        seen.append(float(row["visible_fraction"].min()))
        true_pose = row["truth_pose_deg"]
        yaw = float((row["pose_deg"] if true_pose is None else true_pose)[0])
        groups = ("all", f"yaw {yaw_bucket(yaw)}", f"band {row['band']}")
        if row["truth_mesh_xyz"] is not None:
            error = nme_percent(row["mesh_xyz"], row["truth_mesh_xyz"])
            for group in groups:
                errors[group].append(error)
        if true_pose is not None:
            near = (*groups, "to_40") if abs(yaw) <= 40 else groups
            for group in near:
                yaws[group].append(abs(float(row["pose_deg"][0]) - yaw))
    return {
        "nme_percent": _grouped(errors),
        "yaw_error_deg": _grouped(yaws) | {"to_40": quantiles(yaws["to_40"])},
        "residual_percent": {name: quantiles(values) for name, values in sorted(residuals.items())},
        "visible_fraction": quantiles(seen),
    }


def masks_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``masks`` output.

    Returns:
        ``pixels_changed_outside`` the mask: their sum, 0. ``coverage``: median share of each part
        that is hidden, by how the mask is worn. ``region_iou``: overlap with the mask drawn from
        the true geometry, where that is known. Shares by template, wear and band.
    """
    columns = ["mask_wear", "mask_coverage", "pixels_changed_outside", "region_iou", "pose_deg"]
    outside = 0
    hidden: dict[str, list[Float32]] = defaultdict(list)
    ious: dict[str, list[float]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for row in folder.rows(columns):
        outside += row["pixels_changed_outside"]
        counts[row["mask_wear"]] += 1
        for group in ("all", row["mask_wear"]):
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
        "region_iou": _grouped(ious),
        "template": share_by(folder, "mask_template"),
        "wear": share_by(folder, "mask_wear"),
        "simulated": share_by(folder, "simulated"),
    }


def nme_percent(mesh_xyz: Float32, truth_xyz: Float32) -> float:
    """Return the mean distance of 468 points in the picture, % of the true eyes' distance.

    Args:
        mesh_xyz: (468, 3).
        truth_xyz: (468, 3), same frame.
    """
    eyes = truth_xyz[list(LEFT_EYE_LOOP)].mean(axis=0) - truth_xyz[list(RIGHT_EYE_LOOP)].mean(
        axis=0
    )
    between = float(np.linalg.norm(eyes))
    distances = np.hypot(*(mesh_xyz - truth_xyz)[:, :2].T)
    return float(distances.mean() / between * 100) if between else float("inf")


def _grouped(values: dict[str, list[float]]) -> dict[str, Any]:
    """Quantiles of all, then by yaw and by band."""
    result: dict[str, Any] = dict(quantiles(values.get("all", [])))
    for kind in ("yaw", "band"):
        groups = {
            name.removeprefix(f"{kind} "): quantiles(found)
            for name, found in sorted(values.items())
            if name.startswith(f"{kind} ")
        }
        if groups:
            result[f"by_{kind}"] = groups
    return result
