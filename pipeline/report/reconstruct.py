"""What the stage ``reconstruct`` shows: the mesh against the truth where there is one."""

from typing import Any

from pipeline.report.query import Tables
from pipeline.store import ShardFolder


def reconstruct_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``reconstruct`` output.

    Returns:
        ``nme_percent``: mean distance in the image of a face's 468 points from the true ones, %
        of the true distance of the eyes in space (in the image it vanishes in profile);
        ``yaw_error_deg``, all and for |yaw| up to 40°; both by |true yaw| and by band, where the
        data set knows the truth. ``residual_percent``: mesh against the five landmarks;
        ``visible_fraction``: of the face's half that is seen less.
    """
    tables = Tables.of(
        folder,
        "band, coalesce(truth_pose_deg[1], pose_deg[1]) AS yaw_deg, mesh_nme_percent, "
        "yaw_error_deg, residual_percent, list_min(visible_fraction) AS visible_fraction",
    )
    residuals = tables.quantiles_by("band", "residual_percent")
    near = "yaw_error_deg IS NOT NULL AND abs(yaw_deg) <= 40"
    return {
        "nme_percent": tables.grouped_quantiles("mesh_nme_percent", "yaw_deg", band="band"),
        "yaw_error_deg": tables.grouped_quantiles("yaw_error_deg", "yaw_deg", band="band")
        | {"to_40": tables.quantiles("yaw_error_deg", where=near)},
        "residual_percent": residuals
        and dict(sorted({"all": tables.quantiles("residual_percent"), **residuals}.items())),
        "visible_fraction": tables.quantiles("visible_fraction"),
    }
