"""What the stage ``reconstruct`` shows: the mesh against the ground truth where there is one."""

from collections import defaultdict
from typing import Any

import numpy as np

from pipeline.ops.contours import LEFT_EYE_LOOP, RIGHT_EYE_LOOP
from pipeline.report.grouped import grouped_quantiles, yaw_bucket
from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder
from pipeline.types import Float32


def reconstruct_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``reconstruct`` output.

    Returns:
        ``nme_percent``: mean distance in the image of a face's 468 points from the true ones, %
        of the true distance of the eyes in space (in the image it vanishes in profile);
        ``yaw_error_deg``, all and for |yaw| up to 40°; both by |true yaw| and by band, where the
        data set knows the truth. ``residual_percent``: mesh against the five landmarks;
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
        "nme_percent": grouped_quantiles(errors),
        "yaw_error_deg": grouped_quantiles(yaws) | {"to_40": quantiles(yaws["to_40"])},
        "residual_percent": {name: quantiles(values) for name, values in sorted(residuals.items())},
        "visible_fraction": quantiles(seen),
    }


def nme_percent(mesh_xyz: Float32, ground_truth_xyz: Float32) -> float:
    """Return the mean distance of 468 points in the image, % of the true eyes' distance.

    Args:
        mesh_xyz: (468, 3).
        ground_truth_xyz: (468, 3), same frame.
    """
    eyes = ground_truth_xyz[list(LEFT_EYE_LOOP)].mean(axis=0) - ground_truth_xyz[
        list(RIGHT_EYE_LOOP)
    ].mean(axis=0)
    between = float(np.linalg.norm(eyes))
    distances = np.hypot(*(mesh_xyz - ground_truth_xyz)[:, :2].T)
    return float(distances.mean() / between * 100) if between else float("inf")
