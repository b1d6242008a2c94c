"""What the stage ``poses`` shows: images turned by nothing, and poses beside what was asked."""

from typing import Any

from pipeline.report.query import Tables
from pipeline.store import ShardFolder

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
    tables = Tables.of(
        folder,
        "psnr_identity_db, yaw_added_deg, pitch_added_deg, yaw_error_deg, pitch_error_deg, "
        "source_pose_deg[1] + yaw_added_deg AS yaw_deg",
    )
    return {
        "psnr_identity_db": tables.quantiles("psnr_identity_db"),
        "yaw_error_deg": _errors(tables, "yaw"),
        "pitch_error_deg": _errors(tables, "pitch"),
    }


def _errors(tables: Tables, angle: str) -> dict[str, Any]:
    """Compare one angle of the measured poses with what was asked for."""
    error, known = f"{angle}_error_deg", f"{angle}_error_deg IS NOT NULL"
    too_far = f"CASE WHEN yaw_deg > 0 THEN {error} ELSE -{error} END" if angle == "yaw" else error
    believed = f"{known} AND abs(yaw_deg) <= {YAW_BELIEVED_DEG}"
    by_request = _summaries(tables, f"{angle}_added_deg", error, known)
    return _summaries(tables, "'all'", error, believed).get("all", {"n": 0}) | {
        "by_yaw": _summaries(tables, "yaw_bucket(yaw_deg)", too_far, known),
        "by_request": {f"{asked:+.4g}": summary for asked, summary in by_request.items()},
    }


def _summaries(tables: Tables, group: str, error: str, where: str) -> dict[Any, dict[str, Any]]:
    """Return quantiles of the error's size by group, with the median error as ``bias``."""
    sizes = tables.quantiles_by(group, f"abs({error})", where=where)
    signed = tables.quantiles_by(group, error, where=where)
    return {key: sizes[key] | {"bias": signed[key].get("median")} for key in sizes}
