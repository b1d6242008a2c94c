"""Metrics of pose synthesis."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.report.grouped import yaw_bucket
from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder
from pipeline.types import Row

YAW_BELIEVED_DEG = 40.0
"""Beyond this the network that measures the pose is itself unsure."""


def poses_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``poses`` output.

    Returns:
        ``psnr_identity_db``: images turned by nothing against their originals, in the face;
        ``yaw_error_deg``: |yaw measured in the turned image − (yaw of the source + what was
        asked)| of the faces that are measured, for results up to 40° (``median``, ``p95``),
        ``by_yaw`` of the result, and ``by_request``; ``bias`` is the median with its sign
        (``by_yaw``: positive where the head is turned too far);
        ``pitch_error_deg`` likewise. The mesh network measures both images; what it errs on
        images of known pose is the ``yaw_error_deg`` of ``reconstruct``.
    """
    columns = ["yaw_added_deg", "pitch_added_deg", "source_pose_deg"]
    rows = list(folder.rows([*columns, "measured_pose_deg", "psnr_identity_db"]))
    psnr = [row["psnr_identity_db"] for row in rows if row["psnr_identity_db"] is not None]
    return {
        "psnr_identity_db": quantiles(psnr),
        "yaw_error_deg": _errors(rows, "yaw"),
        "pitch_error_deg": _errors(rows, "pitch"),
    }


def _errors(rows: Sequence[Row], angle: str) -> dict[str, Any]:
    """Compare one angle of the measured poses with what was asked for."""
    axis = ("yaw", "pitch").index(angle)
    by_request: dict[float, list[float]] = defaultdict(list)
    by_yaw: dict[str, list[float]] = defaultdict(list)
    believed: list[float] = []
    for row in rows:
        added = row[f"{angle}_added_deg"]
        if row["measured_pose_deg"] is None:
            continue
        error = float(row["measured_pose_deg"][axis] - row["source_pose_deg"][axis] - added)
        yaw = float(row["source_pose_deg"][0] + row["yaw_added_deg"])
        by_request[added].append(error)
        by_yaw[yaw_bucket(yaw)].append(error if yaw > 0 or angle != "yaw" else -error)
        if abs(yaw) <= YAW_BELIEVED_DEG:
            believed.append(error)
    return _summary(believed) | {
        "by_yaw": {name: _summary(errors) for name, errors in sorted(by_yaw.items())},
        "by_request": {f"{at:+.4g}": _summary(errors) for at, errors in sorted(by_request.items())},
    }


def _summary(errors: list[float]) -> dict[str, float | int]:
    bias = {"bias": round(float(np.median(errors)), 4)} if errors else {}
    return quantiles(map(abs, errors)) | bias
