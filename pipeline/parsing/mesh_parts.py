"""The four parts from MediaPipe's 468 mesh points: fall-back for the parser, and its cross-check.

A mesh always has every part, also behind glasses, closed lids or a hand: it says where the part
must be, not that it is seen.

Reference:
    mediapipe/python/solutions/face_mesh_connections.py (Apache-2.0): FACEMESH_LEFT_EYE,
    FACEMESH_RIGHT_EYE, FACEMESH_LIPS, both EYEBROWs and FACE_OVAL, as closed loops. MediaPipe's
    left eye is the subject's. It publishes no closed contour of the nose (FACEMESH_NOSE is a bridge
    line and a base): the loop here is ours, along the nose's sides and around both wings.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.parsing.parts import PARTS
from pipeline.types import FaceClass, Float32, UInt8

MESH_POINTS = 468

PART_LOOPS: dict[str, tuple[int, ...]] = {
    "left_eye": (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    "right_eye": (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    "nose": (
        *(168, 417, 465, 412, 399, 437, 420, 279, 358, 294, 327, 326),
        *(2, 97, 98, 64, 129, 49, 198, 217, 174, 188, 245, 193),
    ),
    "mouth": (
        *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375),
        *(291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
    ),
}
"""Closed contour of each part, as indices of mesh points."""


_BROWS = {
    FaceClass.LEFT_BROW: (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
    FaceClass.RIGHT_BROW: (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
}
_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
_LIPS = {  # the outer contour there, the inner one back
    FaceClass.UPPER_LIP: (
        *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
        *(308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78),
    ),
    FaceClass.LOWER_LIP: (
        *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
        *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78),
    ),
}
_LABELS: dict[FaceClass, tuple[int, ...]] = {
    FaceClass.SKIN: _OVAL,
    FaceClass.NOSE: PART_LOOPS["nose"],
    **_BROWS,
    FaceClass.LEFT_EYE: PART_LOOPS["left_eye"],
    FaceClass.RIGHT_EYE: PART_LOOPS["right_eye"],
    FaceClass.MOUTH_INNER: PART_LOOPS["mouth"],
    **_LIPS,
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
        labels[_inside(points[list(loop)], frame_hw)] = face_class
    return labels


def mesh_part_masks(points_xy: Float32, frame_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill the contour of each part.

    Args:
        points_xy: float32 (468, 2), pixels of the frame.
        frame_hw: height and width of the frame.

    Returns:
        bool (4, h, w), in the order of ``PARTS``: pixels whose centres lie inside the contour
        (even-odd rule). A closed eye may have none.

    Raises:
        ValueError: another shape.
    """
    return np.stack([_inside(loop, frame_hw) for loop in _loops(points_xy)])


def mesh_part_boxes(points_xy: Float32) -> Float32:
    """Bound the contour of each part; unlike masks it is there for a closed eye too.

    Args:
        points_xy: float32 (468, 2), pixels of any frame.

    Returns:
        float32 (4, 4), xyxy, in the order of ``PARTS``.

    Raises:
        ValueError: another shape.
    """
    bounds = [np.concatenate([loop.min(axis=0), loop.max(axis=0)]) for loop in _loops(points_xy)]
    return np.stack(bounds).astype(np.float32)


def _loops(points_xy: Float32) -> list[NDArray[np.float64]]:
    points = _checked(points_xy)
    return [points[list(PART_LOOPS[part])] for part in PARTS]


def _checked(points_xy: Float32) -> NDArray[np.float64]:
    if points_xy.shape != (MESH_POINTS, 2):
        raise ValueError(f"expected ({MESH_POINTS}, 2) mesh points, got {points_xy.shape}")
    return points_xy.astype(np.float64)


def _inside(loop: NDArray[np.float64], frame_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Count, for each pixel centre, the edges to its right: inside where the count is odd."""
    mask = np.zeros(frame_hw, dtype=bool)
    x1, y1 = np.clip(np.ceil(loop.min(axis=0)), 0, frame_hw[::-1]).astype(int)
    x2, y2 = np.clip(np.floor(loop.max(axis=0)) + 1, 0, frame_hw[::-1]).astype(int)
    x, y = np.arange(x1, x2), np.arange(y1, y2)[:, None]
    for (from_x, from_y), (to_x, to_y) in zip(loop, np.roll(loop, -1, axis=0), strict=True):
        if from_y != to_y:
            crosses = (y < from_y) != (y < to_y)
            at = from_x + (y - from_y) * (to_x - from_x) / (to_y - from_y)
            mask[y1:y2, x1:x2] ^= crosses & (x < at)
    return mask
