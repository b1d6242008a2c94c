"""The preparation measured by what is known: boxes, points, meshes, labels of the truth columns.

Every measure is null-safe: pictures without truth are left out, and a data set without any gives
``n: 0``. Intervals are 95 % bootstrap intervals over subjects.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.face3d import five_points
from pipeline.ops.alignment import interocular_px
from pipeline.ops.boxes import iou
from pipeline.ops.codec import decode
from pipeline.ops.geometry import warp_affine
from pipeline.parsing import part_boxes, part_masks
from pipeline.report.grouped import Measured, by_band_and_yaw, mean_summary, median_summary
from pipeline.store import ShardFolder
from pipeline.types import FaceClass, Float32, Row, UInt8

SAME_FACE_IOU = 0.5
"""Overlap of boxes from which on a found face is the known one."""
LEAST_PIXELS = 8
"""Pixels of a part in the truth's crop below which its overlap says nothing."""

PARTS = ("left_eye", "right_eye", "nose", "mouth")
_EYES = (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE)
_MOUTH = (FaceClass.MOUTH_INNER, FaceClass.UPPER_LIP, FaceClass.LOWER_LIP)
PARSED = {"eyes": _EYES, "nose": (FaceClass.NOSE,), "mouth": _MOUTH}
"""What the overlap of label maps is measured for."""

_WHO = ["sample_id", "subject_id", "band"]
_KNOWN = ["truth_box_xyxy", "truth_landmarks_xy", "truth_mesh_xyz", "truth_pose_deg"]


def detection_truth(folder: ShardFolder, pictures: ShardFolder) -> dict[str, Any]:
    """Measure a ``detect`` output by the truth.

    Args:
        folder: the output.
        pictures: the output of ``ingest``; a rejected picture's truth stands only there.

    Returns:
        ``failure_to_enrol_of_known``: share of the known faces without a found face on them (IoU
        below 0.5 with every one); ``nme_percent``: see ``nme_percent``, of the face on the known.
    """
    found: dict[str, Float32] = {}
    errors = []
    for row in folder.rows([*_WHO, *_KNOWN, "faces"]):
        if row["truth_box_xyxy"] is None:
            continue
        boxes = np.stack([face["box_xyxy"] for face in row["faces"]])
        overlap = iou(row["truth_box_xyxy"], boxes)[0]
        best = int(np.argmax(overlap))
        found[row["sample_id"]] = overlap[best]
        if overlap[best] >= SAME_FACE_IOU:
            errors += _nme(row, row["faces"][best]["landmarks_xy"])
    missed = [
        _measured(row, float(found.get(row["sample_id"], 0.0) < SAME_FACE_IOU))
        for row in pictures.rows([*_WHO, "truth_box_xyxy", "truth_pose_deg"])
        if row["truth_box_xyxy"] is not None
    ]
    return {
        "failure_to_enrol_of_known": by_band_and_yaw(missed, mean_summary),
        "nme_percent": by_band_and_yaw(errors, median_summary),
    }


def align_truth(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``align`` output by the truth.

    Returns:
        ``wrong_face``: share of the aligned faces of pictures with a known one that are not it (IoU
        of the boxes below 0.5); ``nme_percent``: of the right ones.
    """
    wrong, errors = [], []
    for row in folder.rows([*_WHO, *_KNOWN, "box_xyxy", "landmarks_xy"]):
        if row["truth_box_xyxy"] is None:
            continue
        other = float(iou(row["truth_box_xyxy"], row["box_xyxy"])[0, 0]) < SAME_FACE_IOU
        wrong.append(_measured(row, float(other)))
        if not other:
            errors += _nme(row, row["landmarks_xy"])
    return {
        "wrong_face": by_band_and_yaw(wrong, mean_summary),
        "nme_percent": by_band_and_yaw(errors, median_summary),
    }


def parse_truth(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parse`` output by the truth.

    Returns:
        ``iou``: by eyes, nose and mouth, mean overlap of the parsed and the known region, in the
        crop. A part of which the crop shows less than 8 known pixels does not count.
    """
    overlaps: dict[str, list[Measured]] = {name: [] for name in PARSED}
    for row, known in _known_labels(folder, ["labels"]):
        parsed = decode(row["labels"]["bytes"])
        for name, classes in PARSED.items():
            theirs, ours = np.isin(known, classes), np.isin(parsed, classes)
            if theirs.sum() >= LEAST_PIXELS:
                overlap = float((theirs & ours).sum() / (theirs | ours).sum())
                overlaps[name].append(_measured(row, overlap))
    return {
        "iou": {name: by_band_and_yaw(values, mean_summary) for name, values in overlaps.items()}
    }


def parts_truth(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parts`` output by the truth.

    Returns:
        ``box_iou``: by part, mean overlap of the part's box with that of its known pixels; 0 where
        the stage found none.
    """
    overlaps: dict[str, list[Measured]] = {part: [] for part in PARTS}
    for row, known in _known_labels(folder, ["part_boxes_xyxy"]):
        boxes = part_boxes(part_masks(known), min_pixels=LEAST_PIXELS)
        for part, box, ours in zip(PARTS, boxes, row["part_boxes_xyxy"], strict=True):
            if np.isfinite(box).all():
                overlap = float(np.nan_to_num(iou(box, ours)[0, 0]))
                overlaps[part].append(_measured(row, overlap))
    return {
        "box_iou": {
            part: by_band_and_yaw(values, mean_summary) for part, values in overlaps.items()
        }
    }


def nme_percent(landmarks_xy: Float32, row: Row) -> float:
    """Return the mean distance of five points from the known ones, % of the inter-ocular distance.

    That distance is the one in space where the mesh is known, so that a turned head is measured by
    the same rod as a frontal one; else the one in the picture.

    Args:
        landmarks_xy: (5, 2), pixels of the source picture.
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
    flat = five_points(mesh_xyz[None])[0]
    depth = five_points(mesh_xyz[None][..., ::-1])[0][:, 0]
    return float(np.linalg.norm([*(flat[1] - flat[0]), depth[1] - depth[0]]))


def _nme(row: Row, landmarks_xy: Float32) -> list[Measured]:
    if row["truth_landmarks_xy"] is None:
        return []
    return [_measured(row, nme_percent(landmarks_xy, row))]


def _known_labels(folder: ShardFolder, columns: list[str]) -> Iterator[tuple[Row, UInt8]]:
    """Yield rows whose label map is known, with it, in the frame of the crop."""
    geometry = ["warp_2x3", "truth_labels", "truth_pose_deg", "width_px", "height_px"]
    for row in folder.rows([*_WHO, *geometry, *columns]):
        if row["truth_labels"] is not None:
            hw = row["height_px"], row["width_px"]
            known = decode(row["truth_labels"]["bytes"])
            yield row, warp_affine(known, row["warp_2x3"], hw, interpolation="nearest")


def _mean_of_each(measured: dict[str, list[Measured]]) -> dict[str, Any]:
    return {name: by_band_and_yaw(values, mean_summary) for name, values in measured.items()}


def _measured(row: Row, value: float) -> Measured:
    pose = row["truth_pose_deg"]
    yaw = float("nan") if pose is None else float(pose[0])
    return Measured(row["subject_id"] or "", row["band"], yaw, value)
