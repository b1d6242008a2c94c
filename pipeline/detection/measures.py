"""What is measured of a found face: by the mesh, and by the ground truth where it is known."""

from collections.abc import Sequence

import numpy as np

from pipeline.face3d.mesh import disagreement_percent, five_landmarks
from pipeline.ops.alignment import interocular_px
from pipeline.ops.boxes import iou
from pipeline.types import Float32, Row

SAME_FACE_IOU = 0.5
"""Overlap of boxes from which on a found face is the known one."""


def detected_measures(row: Row, faces: Sequence[Row]) -> Row:
    """Measure the faces found in an image, best first; there is at least one.

    Args:
        row: the image, with the truth's columns.
        faces: items of the column ``faces``.

    Returns:
        The measures of ``schemas.detect``.
    """
    first = faces[0]
    known_iou = nme = None
    if row.get("truth_box_xyxy") is not None:
        boxes = np.stack([face["box_xyxy"] for face in faces])
        overlap = iou(row["truth_box_xyxy"], boxes)[0]
        best = int(np.argmax(overlap))
        known_iou = float(overlap[best])
        if known_iou >= SAME_FACE_IOU:
            nme = nme_percent(faces[best]["landmarks_xy"], row)
    return {
        "yaw_deg": float(first["pose_deg"][0]),
        "mesh_agreement_percent": disagreement_percent(first["detected_xy"], first["mesh_xyz"]),
        "known_face_iou": known_iou,
        "nme_percent": nme,
    }


def aligned_measures(row: Row, face: Row) -> Row:
    """Measure the face that was aligned.

    Args:
        row: its image, with the truth's columns.
        face: an item of the column ``faces``.

    Returns:
        The measures of ``schemas.align``.
    """
    wrong = nme = None
    if row.get("truth_box_xyxy") is not None:
        wrong = float(iou(row["truth_box_xyxy"], face["box_xyxy"])[0, 0]) < SAME_FACE_IOU
        nme = None if wrong else nme_percent(face["landmarks_xy"], row)
    return {
        "interocular_px": interocular_px(face["landmarks_xy"]),
        "wrong_face": wrong,
        "nme_percent": nme,
    }


def nme_percent(landmarks_xy: Float32, row: Row) -> float | None:
    """Return the mean distance of landmarks from the known ones, % of the inter-ocular distance.

    That distance is the one in space where the mesh is known, so that a turned head is measured by
    the same rod as a frontal one; else the one in the image.

    Args:
        landmarks_xy: (5, 2), pixels of the source image.
        row: with the truth's columns.

    Returns:
        None where the points are not known, or the known eyes lie on one another.
    """
    known, mesh = row.get("truth_landmarks_xy"), row.get("truth_mesh_xyz")
    if known is None:
        return None
    distance = interocular_px(known) if mesh is None else _interocular_in_space(mesh)
    error = float(np.hypot(*(landmarks_xy - known).T).mean())
    return error / distance * 100 if distance else None


def _interocular_in_space(mesh_xyz: Float32) -> float:
    """Return the distance of the eyes of a mesh (468, 3) in space."""
    # The eye points are means of vertices, so depth can take the place of x.
    flat = five_landmarks(mesh_xyz[None])[0]
    depth = five_landmarks(mesh_xyz[None][..., ::-1])[0][:, 0]
    return float(np.linalg.norm([*(flat[1] - flat[0]), depth[1] - depth[0]]))
