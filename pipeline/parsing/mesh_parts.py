"""The four parts from MediaPipe's 468 mesh points: fall-back for the parser, and its cross-check.

A mesh always has every part, also behind glasses, closed lids or a hand: it says where the part
must be, not that it is seen.

Reference:
    mediapipe/python/solutions/face_mesh_connections.py (Apache-2.0): FACEMESH_LEFT_EYE,
    FACEMESH_RIGHT_EYE, FACEMESH_LIPS (the outer contour), as closed loops. MediaPipe's left eye is
    the subject's. It publishes no closed contour of the nose (FACEMESH_NOSE is a bridge line and a
    base): the loop here is ours, along the nose's sides and around both wings.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.parsing.parts import PARTS
from pipeline.types import Float32

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
    if points_xy.shape != (MESH_POINTS, 2):
        raise ValueError(f"expected ({MESH_POINTS}, 2) mesh points, got {points_xy.shape}")
    points = points_xy.astype(np.float64)
    return [points[list(PART_LOOPS[part])] for part in PARTS]


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
