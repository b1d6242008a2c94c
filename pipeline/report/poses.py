"""Metrics of pose synthesis."""

from collections import defaultdict
from typing import Any

from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder

YAW_BELIEVED_DEG = 40.0
"""Beyond this the network that measures the pose is itself unsure."""


def poses_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``poses`` output.

    Returns:
        ``psnr_identity_db``: pictures turned by nothing against their originals, in the face;
        ``yaw_error_deg``: |yaw that the mesh network sees in the turned picture − (yaw it saw in
        the source + what was asked)|, for results up to 40° (``median``, ``p95``), and
        ``by_request`` for all, where ``bias`` is the median with its sign; ``pitch_error_deg``
        likewise.
    """
    columns = ["yaw_added_deg", "pitch_added_deg", "source_pose_deg", "measured_pose_deg"]
    psnr: list[float] = []
    errors: dict[str, dict[str, list[float]]] = {
        "yaw": defaultdict(list),
        "pitch": defaultdict(list),
    }
    within: dict[str, list[float]] = defaultdict(list)
    for row in folder.rows([*columns, "psnr_identity_db"]):
        if row["psnr_identity_db"] is not None:
            psnr.append(row["psnr_identity_db"])
        believed = abs(row["source_pose_deg"][0] + row["yaw_added_deg"]) <= YAW_BELIEVED_DEG
        for axis, name in enumerate(("yaw", "pitch")):
            added = row[f"{name}_added_deg"]
            seen, wanted = row["measured_pose_deg"][axis], row["source_pose_deg"][axis] + added
            errors[name][f"{added:+g}"].append(float(seen - wanted))
            if believed:
                within[name].append(abs(float(seen - wanted)))
    return {
        "psnr_identity_db": quantiles(psnr),
        **{
            f"{name}_error_deg": quantiles(within[name])
            | {
                "by_request": {
                    request: quantiles(map(abs, values))
                    | {"bias": quantiles(values).get("median", 0.0)}
                    for request, values in sorted(errors[name].items(), key=lambda i: float(i[0]))
                }
            }
            for name in errors
        },
    }
