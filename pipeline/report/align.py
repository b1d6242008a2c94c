"""What the stage ``align`` shows: faces beyond the border, their size, truth."""

from typing import Any

from pipeline.report.grouped import by_band_and_yaw, mean_summary, median_summary
from pipeline.report.query import Tables
from pipeline.store import ShardFolder


def align_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``align`` output: template, crops beyond the border, size of the faces, truth.

    Returns:
        Beside these ``wrong_face``: share of the aligned faces of images with a known one that
        are not it (IoU of the boxes below 0.5); ``nme_percent``: mean distance of the landmarks of
        the right ones from the true ones, % of the inter-ocular distance.
    """
    tables = Tables.of(
        folder,
        "subject_id, band, truth_pose_deg[1] AS truth_yaw_deg, template, outside_fraction, "
        "face_count, interocular_px, wrong_face, nme_percent",
    )
    return {
        "template": tables.counts("template"),
        "outside_fraction": tables.quantiles("outside_fraction"),
        "interocular_px": tables.quantiles("interocular_px"),
        "images_with_several_faces": tables.count("face_count > 1"),
        "wrong_face": by_band_and_yaw(tables.measured("wrong_face"), mean_summary),
        "nme_percent": by_band_and_yaw(tables.measured("nme_percent"), median_summary),
    }


def beside_known(metrics: dict[str, Any]) -> str | None:
    """Say in a sentence how many faces are not the data set's, None where all are.

    Args:
        metrics: of ``align_metrics``.
    """
    wrong = metrics["wrong_face"]
    if not wrong.get("mean"):
        return None
    return (
        f"{wrong['mean']:.1%} of {wrong['n']} faces are not where the data set's box is "
        "(wrong_face): set align.face to annotated to take those in the box"
    )
