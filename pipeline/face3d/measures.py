"""What is measured of a face by the ground truth, where it is known."""

from collections.abc import Sequence

import numpy as np

from pipeline.ops.alignment import interocular_px
from pipeline.ops.boxes import iou
from pipeline.ops.contours import LEFT_EYE_LOOP, RIGHT_EYE_LOOP
from pipeline.types import Float32, Row

SAME_FACE_IOU = 0.5
"""Overlap of boxes from which on a found face is the known one."""


def detected_measures(row: Row, faces: Sequence[Row]) -> Row:
    """Measure the faces found in an image, best first, by the ground truth.

    Args:
        row: the image, with the truth's columns.
        faces: items of the column ``faces``.

    Returns:
        ``known_face_iou`` and ``nme_percent`` of ``schemas.detect``.
    """
    known_iou = nme = None
    if row.get("truth_box_xyxy") is not None:
        boxes = np.stack([face["box_xyxy"] for face in faces])
        overlap = iou(row["truth_box_xyxy"], boxes)[0]
        best = int(np.argmax(overlap))
        known_iou = float(overlap[best])
        if known_iou >= SAME_FACE_IOU:
            nme = nme_percent(faces[best]["landmarks_xy"], row)
    return {
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
        None where the landmarks are not known, or the known eyes lie on one another.
    """
    known, mesh = row.get("truth_landmarks_xy"), row.get("truth_mesh_xyz")
    if known is None:
        return None
    distance = interocular_px(known) if mesh is None else _interocular_in_space(mesh)
    error = float(np.hypot(*(landmarks_xy - known).T).mean())
    return error / distance * 100 if distance else None


def reconstructed_measures(row: Row, mesh_xyz: Float32, pose_deg: Float32) -> Row:
    """Measure a mesh (468, 3) and its pose (yaw, pitch, roll) by the truth's columns of its row.

    Returns:
        The measures of ``schemas.reconstruct``.
    """
    mesh, pose = row.get("truth_mesh_xyz"), row.get("truth_pose_deg")
    return {
        "mesh_nme_percent": None if mesh is None else mesh_nme_percent(mesh_xyz, mesh),
        "yaw_error_deg": None if pose is None else abs(float(pose_deg[0]) - float(pose[0])),
    }


def mesh_nme_percent(mesh_xyz: Float32, truth_xyz: Float32) -> float | None:
    """Return the mean distance of 468 points in the image, % of the true eyes' distance in space.

    Args:
        mesh_xyz: (468, 3).
        truth_xyz: (468, 3), same frame.

    Returns:
        None where the true eyes lie on one another.
    """
    between = _interocular_in_space(truth_xyz)
    distances = np.hypot(*(mesh_xyz - truth_xyz)[:, :2].T)
    return float(distances.mean() / between * 100) if between else None


def _interocular_in_space(mesh_xyz: Float32) -> float:
    """Return the distance of the eyes of a mesh (468, 3) in space."""
    left, right = (mesh_xyz[list(loop)].mean(axis=0) for loop in (LEFT_EYE_LOOP, RIGHT_EYE_LOOP))
    return float(np.linalg.norm(left - right))
