"""What the stage ``parse`` shows: the classes that are present, and overlap with the truth."""

from typing import Any

from pipeline.report.grouped import by_band_and_yaw, mean_summary
from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.types import FaceClass

UNLIKELY = 0.1
"""Likeness below which few faces lie, and most animals and drawings."""
_PARSED = ("eyes", "nose", "mouth")


def parse_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parse`` output.

    Returns:
        ``present``: share of label maps with each class, by band; ``iou``: by eyes, nose and mouth,
        mean overlap of the parsed and the known region, in the crop; ``unlikely_faces``: how many
        the networks hardly take for a face.
    """
    tables = Tables.of(
        folder,
        "subject_id, band, truth_pose_deg[1] AS truth_yaw_deg, classes_present, face_likeness, "
        "iou_eyes, iou_nose, iou_mouth",
    )
    shares = ", ".join(f"avg((classes_present >> {index}) & 1)" for index in FaceClass)
    present = tables.ask(f"SELECT band, {shares} FROM rows GROUP BY band ORDER BY band")  # noqa: S608
    ((unlikely,),) = tables.ask(
        f"SELECT count(*) FROM rows WHERE face_likeness < {UNLIKELY}"  # noqa: S608
    )
    return {
        "unlikely_faces": int(unlikely),
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
