"""Metrics of pose synthesis."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder
from pipeline.types import Row

YAW_BELIEVED_DEG = 40.0
"""Beyond this the network that measures the pose is itself unsure."""


def poses_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``poses`` output.

    Returns:
        ``psnr_identity_db``: pictures turned by nothing against their originals, in the face;
        ``yaw_error_deg``: |yaw measured in the turned picture − (yaw of the source + what was
        asked)|, for results up to 40° (``median``, ``p95``), and ``by_request`` for all, where
        ``bias`` is the median with its sign; ``pitch_error_deg`` likewise. Measured is the pose of
        the face's own shape that explains where the mesh network sees its points. The same with
        the depth that the network guesses is ``network_yaw_error_deg``.
    """
    columns = ["yaw_added_deg", "pitch_added_deg", "source_pose_deg"]
    measures = ["measured_pose_deg", "network_pose_deg", "psnr_identity_db"]
    rows = list(folder.rows([*columns, *measures]))
    psnr = [row["psnr_identity_db"] for row in rows if row["psnr_identity_db"] is not None]
    return {
        "psnr_identity_db": quantiles(psnr),
        "yaw_error_deg": _errors(rows, "yaw", "measured_pose_deg"),
        "pitch_error_deg": _errors(rows, "pitch", "measured_pose_deg"),
        "network_yaw_error_deg": _errors(rows, "yaw", "network_pose_deg"),
    }


def _errors(rows: Sequence[Row], angle: str, column: str) -> dict[str, Any]:
    """Compare one angle of a measured pose with what was asked for."""
    axis = ("yaw", "pitch").index(angle)
    by_request: dict[float, list[float]] = defaultdict(list)
    believed: list[float] = []
    for row in rows:
        added = row[f"{angle}_added_deg"]
        error = float(row[column][axis] - row["source_pose_deg"][axis] - added)
        by_request[added].append(error)
        if abs(row["source_pose_deg"][0] + row["yaw_added_deg"]) <= YAW_BELIEVED_DEG:
            believed.append(abs(error))
    return quantiles(believed) | {
        "by_request": {
            f"{added:+.4g}": quantiles(map(abs, errors))
            | {"bias": quantiles(errors).get("median", 0.0)}
            for added, errors in sorted(by_request.items())
        }
    }
