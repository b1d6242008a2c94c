"""What the stage ``parse`` shows: the classes that are present, and overlap with the truth."""

from typing import Any

from pipeline.report.grouped import by_band_and_yaw, mean_summary
from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.types import FaceClass

_PARSED = ("eyes", "nose", "mouth")


def parse_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parse`` output.

    Returns:
        ``present``: share of label maps with each class, by band; ``iou``: by eyes, nose and mouth,
        mean overlap of the parsed and the known region, in the crop.
    """
    tables = Tables.of(
        folder,
        "subject_id, band, truth_pose_deg[1] AS truth_yaw_deg, classes_present, "
        "iou_eyes, iou_nose, iou_mouth",
    )
    shares = ", ".join(f"avg((classes_present >> {index}) & 1)" for index in FaceClass)
    present = tables.ask(f"SELECT band, {shares} FROM rows GROUP BY band ORDER BY band")  # noqa: S608
    return {
        "present": {
            band: {
                face_class.name.lower(): round(share, 4)
                for face_class, share in zip(FaceClass, found, strict=True)
            }
            for band, *found in present
        },
        "iou": {
            part: by_band_and_yaw(tables.measured(f"iou_{part}"), mean_summary) for part in _PARSED
        },
    }
