"""Contours on MediaPipe's 468 points: closed loops of indices, left and right the subject's.

Reference:
    mediapipe/python/solutions/face_mesh_connections.py (Apache-2.0): FACEMESH_LEFT_EYE,
    FACEMESH_RIGHT_EYE, FACEMESH_LIPS, both EYEBROWs and FACE_OVAL. It publishes no closed contour
    of the nose (FACEMESH_NOSE is a bridge line and a base): the loop here is ours, along the nose's
    sides and around both wings.
"""

import numpy as np
from numpy.typing import NDArray

LEFT_EYE_LOOP = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_EYE_LOOP = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
NOSE_LOOP = (
    *(168, 417, 465, 412, 399, 437, 420, 279, 358, 294, 327, 326),
    *(2, 97, 98, 64, 129, 49, 198, 217, 174, 188, 245, 193),
)
MOUTH_LOOP = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
)
"""The outer contour of the lips."""
UPPER_LIP_LOOP = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    *(308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78),
)
LOWER_LIP_LOOP = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78),
)
LEFT_BROW_LOOP = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
RIGHT_BROW_LOOP = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
FACE_LOOP = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The face's outline, clockwise as seen, from the middle of the forehead."""


def filled(loop: NDArray[np.float64], frame_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill a closed loop: the pixels whose centres lie inside it (even-odd rule).

    OpenCV's ``fillPoly`` draws the loop's own line, too, which makes areas half a pixel larger on
    each side.

    Args:
        loop: float64 (n, 2), pixels of the frame.
        frame_hw: height and width of the frame.

    Returns:
        bool (h, w).
    """
    # Inside are those with an odd number of edges to their right.
    mask = np.zeros(frame_hw, dtype=bool)
    x1, y1 = np.clip(np.ceil(loop.min(axis=0)), 0, frame_hw[::-1]).astype(int)
    x2, y2 = np.clip(np.floor(loop.max(axis=0)) + 1, 0, frame_hw[::-1]).astype(int)
    y, width = np.arange(y1, y2)[:, None], max(x2 - x1, 0)
    begin, end = loop, np.roll(loop, -1, axis=0)
    # From above whichever way it is walked: loops on its two sides round a crossing alike.
    down = begin[:, 1:] <= end[:, 1:]
    begin, end = np.where(down, begin, end), np.where(down, end, begin)
    row, edge = np.nonzero((y < begin[:, 1]) != (y < end[:, 1]))
    from_x, from_y = begin[edge].T
    to_x, to_y = end[edge].T
    at = from_x + (row + y1 - from_y) * (to_x - from_x) / (to_y - from_y)
    # An edge counts for the pixels left of it: those before column ``stop``.
    stop = np.clip(np.ceil(at) - x1, 0, width).astype(np.intp)
    stops = np.bincount(row * (width + 1) + stop, minlength=len(y) * (width + 1))
    right = stops.reshape(len(y), width + 1)[:, ::-1].cumsum(axis=1)[:, ::-1]
    mask[y1:y2, x1:x2] = right[:, 1:] % 2 == 1
    return mask
