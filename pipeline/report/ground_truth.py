"""The preparation measured by what is known: points and labels of the ground truth columns.

Every measure is null-safe: images without ground truth are left out, and a data set without any
gives ``n: 0``. Intervals are 95 % bootstrap intervals over subjects.
"""

from collections.abc import Iterator

import numpy as np

from pipeline.face3d.mesh import five_landmarks
from pipeline.ops.alignment import interocular_px
from pipeline.ops.codec import decode
from pipeline.ops.geometry import warp_affine
from pipeline.report.grouped import Measured
from pipeline.store import ShardFolder
from pipeline.types import Float32, Row, UInt8

SAME_FACE_IOU = 0.5
"""Overlap of boxes from which on a found face is the known one."""
LEAST_PIXELS = 8
"""Pixels of a part in the truth's crop below which its overlap says nothing."""
WHO = ["sample_id", "subject_id", "band"]
KNOWN = ["truth_box_xyxy", "truth_landmarks_xy", "truth_mesh_xyz", "truth_pose_deg"]


def nme_percent(landmarks_xy: Float32, row: Row) -> float:
    """Return the mean distance of landmarks from the known ones, % of the inter-ocular distance.

    That distance is the one in space where the mesh is known, so that a turned head is measured by
    the same rod as a frontal one; else the one in the image.

    Args:
        landmarks_xy: (5, 2), pixels of the source image.
        row: with the truth's columns.
    """
    known = row["truth_landmarks_xy"]
    distance = interocular_px(known)
    if row["truth_mesh_xyz"] is not None:
        distance = _interocular_in_space(row["truth_mesh_xyz"])
    error = float(np.hypot(*(landmarks_xy - known).T).mean())
    return error / distance * 100 if distance else float("inf")


def _interocular_in_space(mesh_xyz: Float32) -> float:
    """Return the distance of the eyes of a mesh (468, 3) in space."""
    # The eye points are means of vertices, so depth can take the place of x.
    flat = five_landmarks(mesh_xyz[None])[0]
    depth = five_landmarks(mesh_xyz[None][..., ::-1])[0][:, 0]
    return float(np.linalg.norm([*(flat[1] - flat[0]), depth[1] - depth[0]]))


def landmark_error(row: Row, landmarks_xy: Float32) -> list[Measured]:
    """Return the ``nme_percent`` of five landmarks (5, 2), nothing where they are not known."""
    if row["truth_landmarks_xy"] is None:
        return []
    return [measured(row, nme_percent(landmarks_xy, row))]


def known_labels(folder: ShardFolder, columns: list[str]) -> Iterator[tuple[Row, UInt8]]:
    """Yield rows whose label map is known, with it, in the frame of the crop."""
    geometry = ["warp_2x3", "truth_labels", "truth_pose_deg", "width_px", "height_px"]
    for row in folder.rows([*WHO, *geometry, *columns]):
        if row["truth_labels"] is not None:
            hw = row["height_px"], row["width_px"]
            known = decode(row["truth_labels"]["bytes"])
            yield row, warp_affine(known, row["warp_2x3"], hw, interpolation="nearest")


def measured(row: Row, value: float) -> Measured:
    """Return a value of a row with who and how it shows."""
    pose = row["truth_pose_deg"]
    yaw = float("nan") if pose is None else float(pose[0])
    return Measured(row["subject_id"] or "", row["band"], yaw, value)
