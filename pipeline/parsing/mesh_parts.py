"""The four parts from MediaPipe's 468 mesh points: fall-back for the parser, and its cross-check.

A mesh always has every part, also behind glasses, closed lids or a hand: it says where the part
must be, not that it is seen.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.ops import contours
from pipeline.ops.polygons import filled
from pipeline.types import FACE_PARTS, FaceClass, Float32, UInt8

MESH_POINTS = 468

PART_LOOPS: dict[str, tuple[int, ...]] = {
    "left_eye": contours.LEFT_EYE_LOOP,
    "right_eye": contours.RIGHT_EYE_LOOP,
    "nose": contours.NOSE_LOOP,
    "mouth": contours.MOUTH_LOOP,
}
"""Closed contour of each part, as indices of mesh points."""

_LABELS: dict[FaceClass, tuple[int, ...]] = {
    FaceClass.SKIN: contours.FACE_LOOP,
    FaceClass.NOSE: contours.NOSE_LOOP,
    FaceClass.LEFT_BROW: contours.LEFT_BROW_LOOP,
    FaceClass.RIGHT_BROW: contours.RIGHT_BROW_LOOP,
    FaceClass.LEFT_EYE: contours.LEFT_EYE_LOOP,
    FaceClass.RIGHT_EYE: contours.RIGHT_EYE_LOOP,
    FaceClass.MOUTH_INNER: contours.MOUTH_LOOP,
    FaceClass.UPPER_LIP: contours.UPPER_LIP_LOOP,
    FaceClass.LOWER_LIP: contours.LOWER_LIP_LOOP,
}
"""Closed contour of each class that a mesh can tell, in the order of painting."""


def mesh_labels(points_xy: Float32, frame_hw: tuple[int, int]) -> UInt8:
    """Paint a label map from the mesh: for bands that no parser was trained on.

    Hair, ears, glasses and what lies below the chin are BACKGROUND: a mesh does not know them.

    Args:
        points_xy: float32 (468, 2), pixels of the frame.
        frame_hw: height and width of the frame.

    Returns:
        uint8 (h, w) of ``FaceClass``.

    Raises:
        ValueError: another shape.
    """
    points = _checked(points_xy)
    labels = np.full(frame_hw, FaceClass.BACKGROUND, dtype=np.uint8)
    for face_class, loop in _LABELS.items():
        labels[filled(points[list(loop)], frame_hw)] = face_class
    return labels


def mesh_part_masks(points_xy: Float32, frame_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill the contour of each part.

    Args:
        points_xy: float32 (468, 2), pixels of the frame.
        frame_hw: height and width of the frame.

    Returns:
        bool (4, h, w), in the order of ``FACE_PARTS``: pixels whose centres lie inside the contour
        (even-odd rule). A closed eye may have none.

    Raises:
        ValueError: another shape.
    """
    return np.stack([filled(loop, frame_hw) for loop in _loops(points_xy)])


def mesh_part_boxes(points_xy: Float32) -> Float32:
    """Bound the contour of each part; unlike masks it is there for a closed eye too.

    Args:
        points_xy: float32 (468, 2), pixels of any frame.

    Returns:
        float32 (4, 4), xyxy, in the order of ``FACE_PARTS``.

    Raises:
        ValueError: another shape.
    """
    bounds = [np.concatenate([loop.min(axis=0), loop.max(axis=0)]) for loop in _loops(points_xy)]
    return np.stack(bounds).astype(np.float32)


def _loops(points_xy: Float32) -> list[NDArray[np.float64]]:
    points = _checked(points_xy)
    return [points[list(PART_LOOPS[part])] for part in FACE_PARTS]


def _checked(points_xy: Float32) -> NDArray[np.float64]:
    if points_xy.shape != (MESH_POINTS, 2):
        raise ValueError(f"expected ({MESH_POINTS}, 2) mesh points, got {points_xy.shape}")
    return points_xy.astype(np.float64)
