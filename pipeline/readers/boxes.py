"""From the annotations that data sets bring to the geometry of rows.

Data sets count pixels from the upper left corner of the first one; here pixel centres are integers,
so a box of a data set moves by half a pixel.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from pipeline.ops.geometry import similarity_from_points, transform_points
from pipeline.ops.templates import ARCFACE_112_XY
from pipeline.types import Float32

_MOST_PX = 1e9
"""No coordinate is so large; NaN is not below it, either."""


def box_of_corner(x: float, y: float, width: float, height: float) -> Float32 | None:
    """Make a box from its upper left corner and its extent.

    Returns:
        (4,) x0, y0, x1, y1; None where a number is missing, or too large for a coordinate, or the
        box is empty.
    """
    numbers = (x, y, width, height)
    if not all(abs(number) < _MOST_PX for number in numbers) or width <= 0 or height <= 0:
        return None
    box = np.array([x, y, x + width, y + height], np.float32) - np.float32(0.5)
    return box if box[0] < box[2] and box[1] < box[3] else None


def box_of_centre(x: float, y: float, width: float, height: float) -> Float32 | None:
    """Make a box from its centre and its extent; see ``box_of_corner``."""
    return box_of_corner(x - width / 2, y - height / 2, width, height)


def number_of(cell: str) -> float:
    """Read a number; an empty or unreadable cell is not a number."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def landmarks_from_eyes(eyes_xy: ArrayLike) -> Float32 | None:
    """Complete two annotated eyes to five landmarks: nose and mouth as in the ArcFace template.

    The eyes stay where they were annotated; the other three are an estimate that holds for a
    frontal face.

    Args:
        eyes_xy: (2, 2) pixels, in any order.

    Returns:
        (5, 2) pixels: eye on the image's left, the other one, nose tip, mouth corners; None where
        the eyes are not two places.
    """
    wide = np.asarray(eyes_xy, np.float64)
    if not (np.abs(wide) < _MOST_PX).all():
        return None
    eyes = wide.astype(np.float32)
    eyes = eyes[np.argsort(eyes[:, 0])]
    template = np.asarray(ARCFACE_112_XY, np.float32)
    try:
        landmarks = transform_points(template, similarity_from_points(template[:2], eyes))
    except ValueError:
        return None
    landmarks[:2] = eyes
    return landmarks


def box_around_landmarks(landmarks_xy: ArrayLike) -> Float32:
    """Return the square that the ArcFace crop of five landmarks covers, as a face box.

    Args:
        landmarks_xy: (5, 2) pixels.
    """
    crop_to_image = similarity_from_points(np.asarray(ARCFACE_112_XY), landmarks_xy)
    corners = transform_points(
        [[-0.5, -0.5], [111.5, -0.5], [111.5, 111.5], [-0.5, 111.5]], crop_to_image
    )
    return np.concatenate([corners.min(0), corners.max(0)]).astype(np.float32)
