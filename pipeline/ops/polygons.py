"""Filling polygons."""

import numpy as np
from numpy.typing import NDArray


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
